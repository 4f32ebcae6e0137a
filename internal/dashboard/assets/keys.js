// Shortcuts of the keyboard, the list of them, and a way to turn them off (WCAG 2.1.4).

import { el } from "./dom.js";

const OFF = "sluice:shortcuts-off";
const actions = new Map();
let dialog;

/** Adds a shortcut for as long as a view is shown; returns what removes it. */
export function shortcut(key, title, run) {
  const entry = { title, run };
  actions.set(key, entry);
  return () => { if (actions.get(key) === entry) actions.delete(key); };
}

/** The shortcuts of every view: 1 to 6 for the views, ? for the list. */
export function bindKeys(views) {
  views.forEach((view, n) => shortcut(String(n + 1), view.title, () => {
    if (!view.hidden?.()) location.hash = `#/${view.name}`;
  }));
  shortcut("?", "This list", list);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, dialog")) return;
    const action = actions.get(event.key);
    if (!action || (off() && event.key !== "?")) return;
    event.preventDefault();
    action.run();
  });
}

function off() {
  try { return localStorage.getItem(OFF) === "1"; } catch { return false; }
}

/** Shows the list. */
export function list() {
  dialog?.remove();
  const use = el("input", { type: "checkbox", checked: !off(), onchange: () => {
    try { localStorage.setItem(OFF, use.checked ? "0" : "1"); } catch { /* They stay on. */ }
  } });
  dialog = el("dialog", { "aria-label": "Shortcuts", onclose: () => dialog.remove() },
    el("div", { class: "bar-of-controls" }, el("h2", {}, "Shortcuts"), el("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    el("dl", {}, [...actions].map(([key, { title }]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, title)])),
    el("label", { class: "check" }, use, " Single keys are shortcuts"));
  document.body.append(dialog);
  dialog.showModal();
}
