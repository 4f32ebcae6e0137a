// One account: its balance as the table has it, and its entries replayed from the ledger by its key, and then live.

import { open } from "/sluice.js";
import { byId, count, el, money, say, signed } from "./dom.js";
import { describe } from "./entries.js";

const OPENING = 100_000, ROWS = 100;

export class Account {
  #stream = null;
  #name = "";

  constructor(prefix) {
    this.prefix = prefix;
    byId("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.show(byId("account").value.trim());
    });
    addEventListener("hashchange", () => this.#fromHash());
    this.#fromHash();
  }

  #fromHash() {
    const name = decodeURIComponent(location.hash.slice(1));
    if (/^[0-9]{4}$/.test(name) && name !== this.#name) this.show(name);
  }

  /** Shows an account; it stays live until another one is shown. */
  show(name) {
    const valid = /^[0-9]{4}$/.test(name);
    byId("account").setAttribute("aria-invalid", String(!valid));
    if (!valid) {
      say(byId("account-note"), "An account has four digits, such as 0042.");
      return;
    }
    byId("account").value = name;
    this.#name = name;
    history.replaceState(null, "", `#${name}`);
    this.#stream?.close();
    const view = { table: null, rows: [], entries: 0, whole: true, live: false };
    this.#draw(name, view);
    this.#stream = open({
      topics: [`${this.prefix}balances`, `${this.prefix}entries`], key: name, from: "earliest",
      onRecords: (records) => {
        for (const record of records) this.#take(view, record);
        if (view.live) this.#draw(name, view);
      },
      onGap: () => { view.whole = false; },
      onState: (state) => {
        if (this.#name !== name || state === "closed") return;
        view.live ||= state === "live";
        if (state === "failed") say(byId("account-note"), "The account cannot be read.");
        else this.#draw(name, view);
      },
    });
  }

  #take(view, { topic, value }) {
    if (topic.endsWith("balances")) view.table = value;
    else if (value?.postings?.[0]) {
      const { posting, text } = describe(value);
      if (view.entries === 0 && posting.n !== 1) view.whole = false; // The first ones have expired.
      view.entries++;
      view.rows.unshift({ posting, text, kind: value.kind });
      if (view.rows.length > ROWS) view.rows.pop();
    }
  }

  #draw(name, view) {
    const newest = view.rows[0]?.posting;
    const balance = view.table?.balance ?? (view.live ? OPENING : undefined);
    byId("account-balance").hidden = false;
    say(byId("account-balance"), money(balance));
    let note = `${name}: replaying …`;
    if (view.live && !newest) note = view.table ? `${name}: no entry is left in the ledger.` : `${name}: no entry yet, its opening balance.`;
    else if (view.live) {
      const even = view.table && (view.table.n !== newest.n || view.table.balance === newest.balance);
      note = `${name}: ${count(view.entries)} ${view.entries === 1 ? "entry" : "entries"}${view.whole ? "" : ", older ones have expired"}. ${even ? "Table and ledger agree." : "TABLE AND LEDGER DIFFER."}`;
    }
    say(byId("account-note"), note);
    byId("account-entries").hidden = view.rows.length === 0;
    byId("account-rows").replaceChildren(...view.rows.map(({ posting, text, kind }) => el("tr", {},
      el("td", { class: "num time" }, count(posting.n)),
      el("td", {}, text),
      el("td", { class: `num ${kind === "credit" ? "credit" : "debit"}` }, signed(posting.delta)),
      el("td", { class: "num" }, money(posting.balance)))));
  }
}
