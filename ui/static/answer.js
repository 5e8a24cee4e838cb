// What can be done with a finished answer: copy it with its sources, copy its link, save its JSON.
// The answer's own element carries both as attributes.
(() => {
  "use strict";

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // No permission, or not a secure page: the old way still works there.
      const field = document.createElement("textarea");
      field.value = text;
      field.style.position = "fixed";
      field.style.opacity = "0";
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  }

  // The sentences with the numbers of their passages, then the passages that have a number there.
  function asText(answer) {
    const numbers = new Set();
    const sentences = answer.sentences.map((sentence) => {
      if (sentence.passage === null) return sentence.text;
      numbers.add(sentence.passage);
      return `${sentence.text} [${sentence.passage}]`;
    });
    const sources = [...numbers]
      .sort((one, other) => one - other)
      .map((number) => answer.passages[number - 1])
      .map((passage) => `[${passage.rank}] ${passage.title}${passage.section ? ` › ${passage.section}` : ""} ${passage.url}`);
    const text = sentences.length ? sentences.join(" ") : answer.answer;
    return [answer.question, text, sources.join("\n")].filter(Boolean).join("\n\n") + "\n";
  }

  function save(name, text) {
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  function say(button, text) {
    const place = button.parentElement.querySelector(".said");
    if (!place) return;
    place.textContent = text;
    setTimeout(() => place.textContent === text && (place.textContent = ""), 4000);
  }

  const tools = {
    async copy(button, article) {
      const done = await copy(asText(JSON.parse(article.dataset.json)));
      say(button, done ? "Copied with its sources." : "This browser does not allow copying.");
    },
    async link(button, article) {
      const address = location.origin + location.pathname + article.dataset.link;
      say(button, (await copy(address)) ? "Link copied." : address);
    },
    again(button, article) {
      window.lfqa.ask(JSON.parse(article.dataset.json).question);
    },
    share() {
      document.getElementById("share").click();
    },
    json(button, article) {
      const answer = JSON.parse(article.dataset.json);
      save(`answer-${answer.run.slice(0, 8)}.json`, JSON.stringify(answer, null, 2) + "\n");
      say(button, "Saved.");
    },
    async command(button) {
      const done = await copy(button.parentElement.querySelector("code").textContent);
      say(button, done ? "Copied." : "This browser does not allow copying.");
    },
  };

  // The server kept the answer, or says why not.
  async function shared(told) {
    const button = document.querySelector("#answer [data-tool=share]");
    if (!button || !told) return;
    if (!told.startsWith("?")) return say(button, told);
    const address = location.origin + location.pathname + told;
    say(button, (await copy(address)) ? "Link to this very answer copied." : address);
  }
  window.lfqa = { ...window.lfqa, shared };

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button[data-tool]") : null;
    const tool = button && tools[button.dataset.tool];
    if (tool) tool(button, button.closest("article"));
  });
})();
