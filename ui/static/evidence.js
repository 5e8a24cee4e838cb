// Sentences and passages point at each other; cards open as the screen allows; Stop answers at once.
// Everything is delegated from the document, as Gradio replaces what is inside it.
(() => {
  "use strict";
  const phone = window.matchMedia("(max-width: 760px)");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const chosen = new Map(); // card id -> open or closed, as the visitor last chose

  // Cards are open on a wide screen and closed on a phone, or where none answers, unless the visitor chose otherwise.
  function settle() {
    const cards = document.querySelectorAll("#evidence details.card");
    if (!cards.length) chosen.clear();
    for (const card of cards) {
      const open = chosen.has(card.id) ? chosen.get(card.id) : !phone.matches && !card.closest(".closed");
      if (card.open !== open) card.open = open;
    }
  }

  function light(selector, on) {
    for (const element of document.querySelectorAll(selector)) element.classList.toggle("lit", on);
  }

  function clearLights() {
    light(".lit", false);
  }

  function bring(element, block) {
    element.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block });
  }

  // Everything that belongs to one sentence: itself, its passage and the marks behind it.
  function lightSentence(number) {
    clearLights();
    const cite = document.querySelector(`.cite[data-sentence="${number}"]`);
    light(`#sentence-${number}`, true);
    light(`mark[data-sentences~="${number}"]`, true);
    if (cite && cite.dataset.passage) light(`#passage-${cite.dataset.passage}`, true);
  }

  function lightMark(mark) {
    clearLights();
    mark.classList.add("lit");
    for (const number of mark.dataset.sentences.split(" ")) light(`#sentence-${number}`, true);
  }

  // From a sentence to its passage; the keyboard's place moves along.
  function showPassage(link) {
    const card = document.getElementById(`passage-${link.dataset.passage}`);
    if (!card) return;
    chosen.set(card.id, true);
    for (let one = card; one; one = one.parentElement.closest("details")) one.open = true;
    const mark = card.querySelector(`mark[data-sentences~="${link.dataset.sentence}"]`);
    const back = card.querySelector(`.back[data-sentence="${link.dataset.sentence}"]`) || card.querySelector("summary");
    back.focus({ preventScroll: true });
    lightSentence(link.dataset.sentence);
    bring(mark || card, phone.matches ? "center" : "nearest");
  }

  // From a mark back to the sentence that it supports.
  function showSentence(number) {
    const sentence = document.getElementById(`sentence-${number}`);
    if (!sentence) return;
    const cite = sentence.querySelector("a.cite");
    if (cite) cite.focus({ preventScroll: true });
    lightSentence(number);
    bring(sentence, "center");
  }

  // On a phone, a sentence's evidence opens under it.
  function toggleEvidence(cite) {
    const evidence = document.getElementById(`evidence-${cite.dataset.sentence}`);
    if (!evidence) return showPassage(cite);
    evidence.hidden = !evidence.hidden;
    cite.setAttribute("aria-expanded", String(!evidence.hidden));
    lightSentence(cite.dataset.sentence);
  }

  function point(event) {
    const target = event.target instanceof Element ? event.target : null;
    const mark = target && target.closest("#evidence mark");
    const sentence = target && target.closest("#answer .sentence");
    if (mark) lightMark(mark);
    else if (sentence) lightSentence(sentence.dataset.sentence);
  }

  document.addEventListener("pointerover", (event) => event.pointerType !== "touch" && point(event));
  document.addEventListener("focusin", point);
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return;
    const cite = target.closest("a.cite");
    const whole = target.closest("a.whole");
    const back = target.closest("a.back");
    const mark = target.closest("#evidence mark");
    const summary = target.closest("#evidence summary");
    if (cite || whole || back) event.preventDefault();
    if (cite && phone.matches) toggleEvidence(cite);
    else if (cite || whole) showPassage(cite || whole);
    else if (back) showSentence(back.dataset.sentence);
    else if (mark) showSentence(mark.dataset.sentences.split(" ")[0]);
    else if (summary) chosen.set(summary.parentElement.id, !summary.parentElement.open);
    else if (target.closest("#stop")) {
      const now = document.querySelector("#status .now .name");
      if (now) now.textContent = "Stopping…";
    }
  });
  phone.addEventListener("change", settle);

  // Gradio may insert this script after the document is complete.
  function begin() {
    new MutationObserver(settle).observe(document.body, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ["open"],
    });
    settle();
  }
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
