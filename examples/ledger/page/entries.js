// The ledger as it grows, and what was rejected. More comes than anybody reads, so the newest is drawn a few times a second.

import { byId, clock, count, el, money, say, signed } from "./dom.js";

const ROWS = 16, REJECTIONS = 5;
/** How often (ms) the page draws. */
const DRAW = 400;

/** What an entry is to its customer: the posting, and where the money went or came from. */
export function describe(entry) {
  const posting = entry.postings[0];
  const text = entry.kind === "debit" ? `to ${entry.to}` : `from ${entry.from}`;
  return { posting, text };
}

export class Entries {
  #newest = [];
  #rejected = [];
  #seen = 0;
  #changed = false;
  #paused = false;

  /** choose is called with an account that was clicked on. */
  constructor(choose) {
    this.choose = choose;
    byId("pause").addEventListener("click", ({ currentTarget }) => {
      this.#paused = !this.#paused;
      currentTarget.setAttribute("aria-pressed", String(this.#paused));
      say(currentTarget, this.#paused ? "Go on" : "Pause");
    });
    setInterval(() => this.#draw(), DRAW);
  }

  entry(value, at) {
    if (!value?.postings?.[0]) return; // Not an entry: the auditor says so.
    this.#seen++;
    this.#newest.unshift({ value, at });
    if (this.#newest.length > ROWS) this.#newest.pop();
    this.#changed = true;
  }

  rejection(value, at) {
    if (typeof value?.code !== "string") return;
    this.#rejected.unshift({ value, at });
    if (this.#rejected.length > REJECTIONS) this.#rejected.pop();
    this.#changed = true;
  }

  #draw() {
    if (!this.#changed || this.#paused || document.hidden) return;
    this.#changed = false;
    byId("no-entries").hidden = this.#newest.length > 0;
    say(byId("ledger-note"), `${count(this.#seen)} entries since this page was opened`);
    byId("entries").replaceChildren(...this.#newest.map(({ value, at }) => this.#row(value, at)));
    byId("no-rejections").hidden = this.#rejected.length > 0;
    byId("rejections").replaceChildren(...this.#rejected.map(({ value }) => this.#item(value)));
  }

  #row(value, at) {
    const { posting, text } = describe(value);
    return el("tr", {},
      el("td", { class: "time" }, clock(at)),
      el("td", {}, this.#account(posting.account)),
      el("td", {}, text),
      el("td", { class: `num ${value.kind === "credit" ? "credit" : "debit"}` }, signed(posting.delta)),
      el("td", { class: "num" }, money(posting.balance)),
      el("td", { class: "request mono opt" }, String(value.id)));
  }

  #item({ code, reason, account, id }) {
    const kind = ["funds", "invalid", "duplicate"].includes(code) ? code : "";
    return el("li", {},
      el("div", { class: "head" },
        el("span", { class: `tag ${kind}` }, code === "funds" ? "no funds" : code),
        el("span", { class: "mono" }, String(id ?? "no id")),
        account ? this.#account(account) : ""),
      el("div", { class: "why" }, String(reason)));
  }

  #account(name) {
    return el("button", { type: "button", class: "link", "aria-label": `Account ${name}`, onclick: () => this.choose(String(name)) }, String(name));
  }
}
