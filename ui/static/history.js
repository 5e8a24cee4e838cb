// The address and what this browser keeps: each question has an address, each address its newest answer, whole.
// Back, Forward, a reload and the list show what is kept; only Ask asks.
(() => {
  "use strict";
  const KEY = "lfqa-answers";
  const MOST = 50;
  let here = []; // the same list, for this page alone, where the browser keeps nothing
  let own = []; // what was answered from documents that were dropped: as they are, for this page alone
  let refused = false;
  let current = null; // the link of the answer that is shown
  let first = true;

  function isOwn(item) {
    return String(new URLSearchParams(item.link).get("index")).startsWith("own:");
  }

  function read() {
    if (refused) return here;
    try {
      const kept = JSON.parse(localStorage.getItem(KEY));
      return Array.isArray(kept) ? kept.filter((item) => item && item.answer && String(item.link).startsWith("?") && !isOwn(item)) : [];
    } catch (error) {
      if (!(error instanceof SyntaxError)) refused = true;
      return here;
    }
  }

  // Where the storage is full, the oldest go.
  function write(items) {
    here = items;
    for (let count = items.length; ; count = Math.floor(count / 2)) {
      try {
        localStorage.setItem(KEY, JSON.stringify(items.slice(0, count)));
        refused = items.length > 0 && count === 0;
        return;
      } catch {
        refused = true;
        if (count === 0) return;
      }
    }
  }

  // An address without what Gradio itself reads of it.
  function bare(search) {
    const query = new URLSearchParams(search);
    for (const name of [...query.keys()]) if (name.startsWith("__")) query.delete(name);
    query.sort();
    return query.toString();
  }

  function address(link) {
    const own = [...new URLSearchParams(location.search)].filter(([name]) => name.startsWith("__"));
    return location.pathname + link + own.map((pair) => `&${new URLSearchParams([pair])}`).join("");
  }

  function every() {
    const newest = (one, other) => String(other.answer.time).localeCompare(String(one.answer.time));
    return own.length ? [...own, ...read()].sort(newest).slice(0, MOST) : read();
  }

  function find(search) {
    return search ? every().find((item) => bare(item.link) === bare(search)) : undefined;
  }

  // A new answer is a new place; what the page was opened with only gets its usual form.
  function visit(link) {
    if (!link || link === current) return;
    current = link;
    const opened = first && new URLSearchParams(location.search).has("q");
    first = false;
    if (bare(link) === bare(location.search)) return;
    history[opened ? "replaceState" : "pushState"](null, "", address(link));
  }

  function keep(article) {
    const answer = JSON.parse(article.dataset.json);
    const link = article.dataset.link;
    const dropped = isOwn({ link });
    const items = dropped ? own : read();
    if (items.some((item) => item.answer.run === answer.run)) return;
    const now = [{ link, answer }, ...items.filter((item) => item.link !== link)].slice(0, MOST);
    if (dropped) own = now;
    else write(now);
  }

  function show(item) {
    window.lfqa.pending = JSON.stringify(item.answer);
    document.documentElement.classList.add("asked");
    document.getElementById("show-stored").click();
  }

  function row(item) {
    const { question, answer, settings, time } = item.answer;
    const entry = document.createElement("li");
    const link = document.createElement("a");
    link.href = item.link;
    link.textContent = question;
    const facts = document.createElement("p");
    facts.className = "facts";
    const how = settings ? ` · ${settings.generator}, ${settings.retrieval}, ${settings.passages} passages` : "";
    facts.textContent = `${new Date(time).toLocaleString()}${how}`;
    const text = document.createElement("p");
    text.className = "text";
    text.textContent = answer || "(no answer)";
    entry.append(link, facts, text);
    return entry;
  }

  function draw() {
    const list = document.getElementById("history-list");
    if (!list) return;
    const items = every();
    const state = `${refused} ${items.map((item) => item.answer.run).join(" ")}`;
    if (list.dataset.state === state) return;
    list.dataset.state = state;
    list.replaceChildren(...items.map(row));
    const section = list.closest(".history");
    section.querySelector(".waiting").hidden = items.length > 0;
    section.querySelector(".refused").hidden = !refused;
    section.querySelector("[data-tool=forget]").hidden = items.length === 0;
  }

  function look() {
    const article = document.querySelector("#answer article[data-link]");
    if (article) visit(article.dataset.link);
    if (article && article.dataset.run) keep(article);
    for (const time of document.querySelectorAll("time[datetime]:not([data-local])")) {
      time.dataset.local = "";
      time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    }
    draw();
  }

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const link = target && target.closest("#history-list a");
    const item = link && !event.ctrlKey && !event.metaKey && !event.shiftKey && find(link.getAttribute("href"));
    if (item) {
      event.preventDefault();
      if (bare(item.link) !== bare(location.search)) history.pushState(null, "", address(item.link));
      show(item);
      window.scrollTo(0, 0);
    }
    if (target && target.closest("[data-tool=forget]")) {
      // What is still shown counts as forgotten, too: it must not come back by itself.
      own = [];
      write([]);
      for (const article of document.querySelectorAll("#answer article[data-run]")) article.removeAttribute("data-run");
      draw();
    }
  });
  window.addEventListener("popstate", () => {
    const item = find(location.search);
    if (item) show(item);
    else location.reload();
  });

  function begin() {
    let asked = 0;
    new MutationObserver(() => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(look);
    }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-link", "data-run"] });
    look();
  }
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
  const kept = () => JSON.stringify((find(location.search) || { answer: "" }).answer);
  window.lfqa = { ...window.lfqa, kept, pending: "" };
})();
