// The page around the answer: seen when it is built, room for the answer from Ask on, names for what has none, Escape,
// asking a question by script.
(() => {
  "use strict";
  const root = document.documentElement;
  const asking = "#ask, #examples button, #elsewhere";
  const below = "#elsewhere, #follow-ask, #suggested button, #answer [data-tool=again]"; // what asks from under an answer

  // From now on there is an answer or one on its way: the style keeps its room. Documents that were dropped stay asked
  // when the place for them closes.
  function makeRoom() {
    root.classList.add("asked");
    document.querySelector("#own > button.open")?.click();
  }

  // Whoever asks from under an answer sees the next one come, or why there is none.
  function goUp() {
    const progress = document.getElementById("progress");
    if (progress.getBoundingClientRect().top < 0) progress.scrollIntoView({ block: "start" });
  }

  function ask(question) {
    const box = document.querySelector("#question textarea");
    box.value = question;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    document.getElementById("ask").click();
  }

  // Gradio calls the sidebar's button by what it is, not by what it does.
  function name() {
    const toggle = document.querySelector("#settings .toggle-button");
    if (!toggle) return;
    const open = document.querySelector("#settings.open") !== null;
    const said = open ? "Close the settings" : "Open the settings";
    if (toggle.getAttribute("aria-label") !== said) toggle.setAttribute("aria-label", said);
    if (toggle.getAttribute("aria-expanded") !== String(open)) toggle.setAttribute("aria-expanded", String(open));
  }

  if (new URLSearchParams(location.search).has("q")) makeRoom();
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target && target.closest(asking)) makeRoom();
    if (target && target.closest(below)) goUp();
    const skip = target && target.closest("a.skip");
    if (skip) {
      event.preventDefault();
      const answer = document.querySelector("#answer article");
      makeRoom();
      answer.tabIndex = -1;
      answer.focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (event.key === "Enter" && !event.shiftKey && target && target.matches("#question textarea")) makeRoom();
    if (event.key === "Enter" && !event.shiftKey && target && target.matches("#follow-box textarea")) goUp();
    const toggle = document.querySelector("#settings.open .toggle-button");
    // A list that is open in the sidebar closes first.
    if (event.key === "Escape" && toggle && !document.querySelector("#settings [role=listbox]")) {
      toggle.click();
      toggle.focus();
    }
  });

  // Gradio builds the page part by part, each pushing what is below: it is seen when all are there and still, and what
  // its address asks for as well. Where that takes long, the style shows it as it is.
  const STILL = 100; // milliseconds
  const WAITED = 1500; // for parts that go on moving, as an answer does that is being written
  function seen() {
    const parts = ["#header h1", "#question textarea", "#tools", "footer"];
    if (new URLSearchParams(location.search).has("q")) parts.push("#status :is(.steps, .problem, .kept)");
    let still, waited;
    const show = () => {
      watcher.disconnect();
      root.classList.add("built");
    };
    const watcher = new MutationObserver(() => {
      if (!parts.every((part) => document.querySelector(part))) return;
      clearTimeout(still);
      still = setTimeout(show, STILL);
      waited ??= setTimeout(show, WAITED);
    });
    watcher.observe(document.body, { subtree: true, childList: true, characterData: true });
  }

  function begin() {
    seen();
    const watch = { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] };
    new MutationObserver(name).observe(document.body, watch);
    name();
  }
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
  window.lfqa = { ...window.lfqa, ask };
})();
