// Signing in: an API key is exchanged for a cookie that no script can read, and is kept nowhere.

import { send } from "./api.js";
import { el, put } from "./dom.js";

/** Shows the form in place of a view, and calls done when a key was taken. */
export function signIn(main, done) {
  const key = el("input", { type: "password", name: "key", autocomplete: "off", required: true, spellcheck: "false", "aria-describedby": "key-hint" });
  const wrong = el("p", { class: "notice bad", role: "alert", hidden: true });
  const button = el("button", { type: "submit", class: "main" }, "Sign in");
  const form = el("form", { class: "form", onsubmit: submit },
    el("label", {}, el("span", {}, "API key or token"), key),
    el("p", { class: "hint", id: "key-hint" }, "It is exchanged for a session cookie and not kept by this page."),
    wrong, el("div", {}, button));

  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    wrong.hidden = true;
    try {
      await send("POST", "/session", undefined, { headers: { Authorization: `Bearer ${key.value.trim()}` } });
      key.value = "";
      done();
    } catch (error) {
      wrong.textContent = error.message;
      wrong.hidden = false;
      key.focus();
    } finally {
      button.disabled = false;
    }
  }

  put(main, el("section", { class: "signin" }, el("h2", {}, "Sign in"), form));
  key.focus();
}

/** Ends the session in this browser. */
export async function signOut() {
  await send("DELETE", "/session");
}
