// The lines: live, or of the last five minutes; by a filter, and of one service where one is chosen.

import { open } from "/sluice.js";
import { byId, clock, count, el, say } from "./dom.js";

const MOST = 200, PAGES = 60;
const SEVERITIES = ["error", "error", "error", "error", "warn", "info", "info", "debug"];
// Syslog's lines are text: facility 16 and a severity from 0 to 3 are the priorities 128 to 131.
const READY = {
  errors: `type(value) == string ? value.matches("^<1(28|29|30|31)>") : value.level == "error"`,
  slow: `type(value) == string ? value.matches("in [0-9]{3,}\\\\.[0-9] ms$") : value.ms > 99.9`,
};

export class Lines {
  #kept = []; #seen = 0; #stream = null; #search = null; #dirty = false; #service = null; #mode = "live";

  constructor(topic) {
    this.topic = topic;
    byId("form").addEventListener("submit", (e) => { e.preventDefault(); this.#run("live"); });
    byId("search").addEventListener("click", () => this.#run("search"));
    for (const button of document.querySelectorAll("[data-filter]")) {
      button.addEventListener("click", () => { byId("filter").value = READY[button.dataset.filter] ?? ""; this.#run(this.#mode); });
    }
    this.#run("live");
  }

  /** Shows the lines of one service, or of all. */
  choose(service) {
    this.#service = service;
    this.#run(this.#mode);
  }

  #run(mode) {
    this.#mode = mode;
    this.#stream?.close();
    this.#search?.abort();
    this.#stream = this.#search = null;
    this.#kept = [];
    this.#seen = 0;
    this.#complain("");
    const filter = byId("filter").value.trim();
    byId("live").setAttribute("aria-pressed", String(mode === "live"));
    byId("search").setAttribute("aria-pressed", String(mode === "search"));
    for (const button of document.querySelectorAll("[data-filter]")) {
      button.setAttribute("aria-pressed", String((READY[button.dataset.filter] ?? "") === filter));
    }
    if (mode === "live") this.#live(filter);
    else this.#find(filter);
    this.#dirty = true;
    this.draw();
  }

  #live(filter) {
    say(byId("lines-status"), "connecting");
    this.#stream = open({
      topics: this.topic, from: "now", filter: filter || undefined, key: this.#service ?? undefined,
      onRecords: (records) => this.#take(records),
      onGap: () => this.#complain("some lines were skipped"),
      onState: (state, { error, reason }) => {
        if (state === "failed") this.#complain(error.message);
        say(byId("lines-status"), { open: "live", live: "live", failed: "ended", waiting: `again soon: ${reason}` }[state] ?? state);
      },
    });
  }

  /** Asks for one page after the other, until there is enough or no more. */
  async #find(filter) {
    const control = this.#search = new AbortController();
    const from = new Date(Date.now() - 300_000).toISOString(), to = new Date().toISOString();
    const status = byId("lines-status");
    try {
      for (let page = 1, cursor = ""; ; page++) {
        say(status, `searching, page ${page}: ${count(this.#seen)} found`);
        const query = new URLSearchParams({ from, to, limit: "500" });
        if (filter) query.set("filter", filter);
        if (this.#service !== null) query.set("key", this.#service);
        if (cursor) query.set("last_event_id", cursor);
        const response = await fetch(`/topics/${encodeURIComponent(this.topic)}/records?${query}`, { signal: control.signal });
        const body = await response.json();
        if (!response.ok) throw new Error([body.detail, ...(body.errors ?? []).map((e) => e.message)].filter(Boolean).join(": "));
        this.#take(body.records);
        cursor = body.next;
        if (body.end || page === PAGES) {
          say(status, `${count(this.#seen)} found in the last five minutes${this.#seen > MOST ? `, the newest ${MOST} are shown` : ""}${body.end ? "" : "; there may be more"}`);
          return;
        }
      }
    } catch (e) {
      if (control.signal.aborted) return;
      say(status, "ended");
      this.#complain(e.message);
    }
  }

  #take(records) {
    this.#seen += records.length;
    this.#kept.push(...records.map(read));
    // Partitions take turns in a page: the newest ones are kept, by the time of their record.
    this.#kept.sort((a, b) => b.at - a.at);
    this.#kept.length = Math.min(this.#kept.length, MOST);
    this.#dirty = true;
  }

  #complain(text) {
    say(byId("problem"), text);
    byId("filter").setAttribute("aria-invalid", String(/^filter/.test(text)));
  }

  /** Draws what is new; not while the reader selects text. */
  draw() {
    if (!this.#dirty || (getSelection()?.toString() && byId("rows").contains(getSelection().anchorNode))) return;
    this.#dirty = false;
    byId("rows").replaceChildren(...this.#kept.map((line) => el("tr", { class: line.level },
      el("td", { class: "dim" }, clock(line.time, true)), el("td", {}, line.level), el("td", { title: line.service }, el("bdi", {}, line.service)),
      el("td", {}, el("div", {}, line.text)), el("td", { class: "num dim" }, line.ms))));
  }
}

/** Reads a record of the topic raw, for the eye: what counts is worked out by the handler. */
function read({ key, value, timestamp, partition, offset }) {
  const line = { at: timestamp, id: `${partition}/${offset}`, service: key ?? "(none)", time: timestamp, level: "", text: "", ms: "" };
  if (typeof value === "object" && value !== null && typeof value.msg === "string") {
    line.text = value.msg;
    line.level = { warning: "warn" }[value.level] ?? String(value.level ?? "");
    line.time = new Date(value.ts).getTime() || timestamp;
    if (typeof value.ms === "number") line.ms = value.ms.toFixed(1);
    return line;
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const syslog = /^<(\d{1,3})>1 (\S+) \S+ \S+ \S+ \S+ (?:-|(?:\[.*?\])+) ?(.*)$/s.exec(text);
  line.text = syslog ? syslog[3] : text;
  if (syslog) {
    line.level = SEVERITIES[Number(syslog[1]) % 8];
    line.time = new Date(syslog[2]).getTime() || timestamp;
  }
  if (line.text.length > 2000) line.text = `${line.text.slice(0, 2000)}…`;
  return line;
}
