/* The page of a study: what is chosen is sent at once, keys choose and move. Every event brings who judges. */
"use strict";
window.study = {
  sheet: () => document.getElementById("sheet"),
  /* What every event brings: from the form, or before there is one from the name's box and the address. */
  sent() {
    const sheet = this.sheet(), address = new URLSearchParams(location.search);
    if (!sheet) {
      const typed = document.querySelector("#name input, #name textarea");
      const name = (typed && typed.value) || address.get("judge") || "";
      return JSON.stringify({ name, key: name === address.get("judge") ? address.get("key") || "" : "" });
    }
    const { name, key, question } = sheet.dataset;
    return JSON.stringify({ name, key, question, values: Object.fromEntries(new FormData(sheet)) });
  },
  /* A question is shown: nothing of the one before stays chosen (an update of the page keeps what the fields hold), the
     address goes on there, and the first open choice has the keys. */
  shown() {
    const sheet = this.sheet();
    if (!sheet || sheet.dataset.shown === this.seen) return;
    this.seen = sheet.dataset.shown;
    sheet.reset();
    const address = new URLSearchParams({ judge: sheet.dataset.name, key: sheet.dataset.key });
    history.replaceState(null, "", `${location.pathname}?${address}`);
    window.scrollTo(0, 0);
    const open = this.groups().find((group) => !group.querySelector("input:checked"));
    if (open) this.go(open, false);
  },
  groups() {
    return [...document.querySelectorAll("#sheet .group")];
  },
  go(group, reveal = true) {
    const input = group.querySelector("input:checked") || group.querySelector("input");
    input.focus({ preventScroll: true });
    if (reveal) group.scrollIntoView({ block: "nearest" });
  },
  /* The group that has the keys, and the one that comes so many places behind it. */
  move(step) {
    const groups = this.groups(), at = groups.findIndex((group) => group.contains(document.activeElement));
    const next = groups[Math.min(Math.max(at + step, 0), groups.length - 1)];
    if (next) this.go(next);
  },
  press(id) {
    const button = document.getElementById(id);
    if (button) button.click();
  },
};

document.addEventListener("change", (event) => {
  if (event.target.closest("#sheet")) window.study.press("draft");
});
/* Its callback comes before the next key or click. */
new MutationObserver(() => window.study.shown()).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-shown"] });
let typed = 0;
document.addEventListener("input", (event) => {
  if (!event.target.matches("#sheet textarea")) return;
  clearTimeout(typed);
  typed = setTimeout(() => window.study.press("draft"), 600);
});
document.addEventListener("submit", (event) => {
  if (event.target.id === "sheet") event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (!window.study.sheet() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("textarea, input:not([type=radio]):not([type=checkbox])")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const acts = { n: "next", s: "skip", u: "undo" };
  const group = document.activeElement && document.activeElement.closest("#sheet .group");
  if (event.key in acts) window.study.press(acts[event.key]);
  else if (event.key === "ArrowDown") window.study.move(1);
  else if (event.key === "ArrowUp") window.study.move(-1);
  else if (/^[1-9]$/.test(event.key)) {
    const of = group || window.study.groups()[0], input = of && of.querySelectorAll("input")[event.key - 1];
    if (!input) return;
    input.click();
    if (input.type === "radio") window.study.move(1);
  } else return;
  event.preventDefault();
});
