// Begins: the header, the views by the address's fragment, and signing in.

import { access } from "./api.js";
import { el, put, say } from "./dom.js";
import { ago } from "./format.js";
import { bindKeys, list } from "./keys.js";
import { model, start, stop } from "./model.js";
import { signIn, signOut } from "./session.js";
import { deadLetters } from "./deadletters.js";
import { groups } from "./groups.js";
import { now } from "./now.js";
import { topics } from "./topics.js";
import { watchers } from "./watchers.js";
import { write } from "./write.js";

const views = [
  { name: "now", title: "Now", show: now },
  { name: "topics", title: "Topics", show: topics },
  { name: "groups", title: "Groups", show: groups },
  { name: "dead-letters", title: "Dead letters", show: deadLetters },
  { name: "watchers", title: "Watchers", show: watchers },
  { name: "write", title: "Write", show: write, hidden: () => !model.state?.can_write },
];
const main = document.getElementById("main");
const nav = document.getElementById("views");
let leave = () => {};
let signingIn = false;

/** The fragment #/view?name=value as a view and its parameters. */
function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { view: views.find((v) => v.name === path) ?? views[0], parameters: new URLSearchParams(query) };
}

function show() {
  if (signingIn) return;
  leave();
  put(main);
  const { view, parameters } = route();
  document.title = `${view.title} · Sluice`;
  for (const link of nav.children) {
    if (link.dataset.view === view.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  leave = view.show(main, parameters) ?? (() => {});
}

function askForKey() {
  if (signingIn) return;
  signingIn = true;
  stop();
  leave();
  leave = () => {};
  signIn(main, () => {
    signingIn = false;
    start();
    show();
  });
}

function header() {
  put(nav, views.map((v) => el("a", { href: `#/${v.name}`, "data-view": v.name }, v.title)));
  const dot = el("i", { class: "dot" }), ready = el("span"), replica = el("span", { class: "opt" }), principal = el("span", { class: "opt" });
  const out = el("button", { type: "button", hidden: true, onclick: () => signOut().finally(askForKey) }, "Sign out");
  const help = el("button", { type: "button", class: "plain opt", "aria-label": "Shortcuts", onclick: list }, el("kbd", {}, "?"));
  put(document.getElementById("where"), el("span", {}, dot, ready), replica, principal, out, help);
  model.watch(() => {
    const { state, stateError } = model;
    for (const link of nav.children) link.hidden = views.find((v) => v.name === link.dataset.view).hidden?.() ?? false;
    const reasons = state?.not_ready ?? [];
    dot.className = `dot ${stateError ? "bad" : !state ? "" : reasons.length > 0 ? "warn" : "good"}`;
    say(ready, stateError ? stateError.message : !state ? "asking…" : reasons.length > 0 ? "not ready" : "ready");
    ready.parentElement.title = reasons.join("; ");
    if (!state) return;
    say(replica, `replica ${state.replica}`);
    replica.title = `Sluice ${state.version}, started ${ago(state.started)} ago`;
    say(principal, state.principal);
    principal.hidden = out.hidden = !state.principal;
  });
}

header();
access.addEventListener("signedout", askForKey);
addEventListener("hashchange", show);
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // The fragment is the view's.
  main.focus();
});
bindKeys(views);
start();
show();
