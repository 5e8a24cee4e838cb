// What this browser asked: kept in its own storage, listed newest first, each a link that asks it again.
(() => {
  "use strict";
  const KEY = "lfqa-history";
  const MOST = 50;
  const LONGEST = 400; // characters of an answer that are kept

  function read() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY));
      return Array.isArray(kept) ? kept : [];
    } catch {
      return [];
    }
  }

  function write(items) {
    try {
      localStorage.setItem(KEY, JSON.stringify(items));
    } catch {
      // Storage is full or forbidden: the page works without a history.
    }
  }

  function keep(article) {
    const items = read();
    if (items.some((item) => item.run === article.dataset.run)) return;
    const answer = JSON.parse(article.dataset.json);
    const text = answer.answer.length > LONGEST ? `${answer.answer.slice(0, LONGEST)}…` : answer.answer;
    const { retrieval, passages, generator } = answer.settings;
    items.unshift({
      run: answer.run,
      question: answer.question,
      answer: text,
      link: article.dataset.link,
      time: new Date().toISOString(),
      how: `${generator}, ${retrieval}, ${passages} passages`,
    });
    write(items.slice(0, MOST));
  }

  function row(item) {
    const entry = document.createElement("li");
    const link = document.createElement("a");
    link.href = String(item.link).startsWith("?") ? item.link : "?";
    link.textContent = item.question;
    const facts = document.createElement("p");
    facts.className = "facts";
    facts.textContent = `${new Date(item.time).toLocaleString()} · ${item.how}`;
    const text = document.createElement("p");
    text.className = "text";
    text.textContent = item.answer || "(no answer)";
    entry.append(link, facts, text);
    return entry;
  }

  function draw() {
    const list = document.getElementById("history-list");
    if (!list) return;
    const items = read();
    const state = items.map((item) => item.run).join(" ");
    if (list.dataset.state === state) return;
    list.dataset.state = state;
    list.replaceChildren(...items.map(row));
    const section = list.closest(".history");
    section.querySelector(".waiting").hidden = items.length > 0;
    section.querySelector("[data-tool=forget]").hidden = items.length === 0;
  }

  function look() {
    for (const article of document.querySelectorAll("#answer article[data-run]")) keep(article);
    draw();
  }

  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-tool=forget]")) {
      // Runs that are still shown are remembered as forgotten: they must not come back by themselves.
      write([]);
      for (const article of document.querySelectorAll("#answer article[data-run]")) article.removeAttribute("data-run");
      draw();
    }
  });

  function begin() {
    let asked = 0;
    new MutationObserver(() => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(look);
    }).observe(document.body, { subtree: true, childList: true });
    look();
  }
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
