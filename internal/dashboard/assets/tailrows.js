// The rows of the tail: made once, and moved and filled anew as entries come.

import { el, put, say } from "./dom.js";
import { bytes, clock, exact } from "./format.js";
import { content, nodes, pieces, size } from "./text.js";

/** What the eye gets of a value and of a key, in characters; all of it is a click away. */
const VALUE = 400, KEY = 60;
const REASONS = {
  expired: "expired in Kafka before it could be read",
  truncated: "the log was cut off; what follows are other records",
  unreadable: "a batch that cannot be read",
  topic_recreated: "the topic was deleted and made again; it follows from its beginning",
  topic_deleted: "the topic is gone",
  bad_cursor: "the position could not be read; what follows is live",
  slow: "this browser was too slow; what follows is live",
};

/** A gap in words. */
export function gapText({ topic, partition, from, to, reason }) {
  const what = partition === undefined ? (topic ?? "") : `partition ${partition}${from === undefined ? "" : `, offsets ${from}–${to - 1}`}`;
  return `gap${what ? ` in ${what}` : ""}: ${REASONS[reason] ?? reason}`;
}

export class TailRows {
  #drawn = -1; // the number of the newest entry that is drawn

  /** open is called with the record whose row is asked for. */
  constructor(body, open) {
    Object.assign(this, { body, open });
    body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row?.entry?.record && getSelection().isCollapsed) this.open(row.entry.record, row);
    });
    body.addEventListener("keydown", (event) => {
      const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
      let row = step && event.target.closest("tr")[step];
      while (row?.entry?.gap) row = row[step];
      if (!row) return;
      event.preventDefault();
      row.querySelector("button").focus();
    });
  }

  /** Forgets what was drawn. */
  clear() {
    put(this.body);
    this.#drawn = -1;
  }

  /** Draws the entries, the newest on top. Only rows that are new are filled; they are those of the oldest. */
  draw(entries) {
    const fresh = entries.filter((e) => e.n > this.#drawn);
    if (fresh.length === 0) return;
    this.#drawn = fresh.at(-1).n;
    const spare = this.body.children.length + fresh.length - entries.length;
    for (let n = 0; n < fresh.length; n++) {
      const row = n < spare ? this.body.lastElementChild : make();
      fill(row, fresh[n]);
      this.body.prepend(row);
    }
    while (this.body.children.length > entries.length) this.body.lastElementChild.remove();
  }
}

function make() {
  const button = el("button", { type: "button", class: "plain dim" });
  const row = el("tr", {}, el("td", {}, button), el("td", { class: "dim opt" }), el("td"), el("td", { class: "value" }, el("div")));
  return row;
}

function fill(row, entry) {
  const [time, place, key, value] = row.children;
  const button = time.firstElementChild, { record, gap } = entry;
  row.entry = entry;
  row.className = gap ? "gap" : "";
  key.hidden = Boolean(gap);
  value.colSpan = gap ? 2 : 1;
  if (gap) {
    say(button, clock(entry.at).slice(0, 8));
    button.disabled = true;
    button.removeAttribute("aria-label");
    say(place, gap.partition === undefined ? "" : `${gap.partition} · ${gap.from ?? ""}`);
    put(value.firstElementChild, gapText(gap));
    return;
  }
  button.disabled = false;
  say(button, clock(record.timestamp));
  button.setAttribute("aria-label", `${clock(record.timestamp)}, open partition ${record.partition} offset ${record.offset}`);
  button.title = exact(record.timestamp);
  say(place, `${record.partition} · ${record.offset}`);
  put(key, brief(content(record.key, record.key_encoding), KEY, false));
  put(value.firstElementChild, brief(content(record.value, record.encoding), VALUE, true));
}

/** The beginning of a key or a value; where that is not all, its size. */
function brief(what, most, sized) {
  if (what.absent) return el("span", { class: "dim" }, sized ? "null (tombstone)" : "–");
  const { list, more } = pieces(what, most);
  const size_ = more && sized ? el("span", { class: "size" }, `${bytes(size(what))} in all `) : null;
  const binary = what.bytes && sized ? el("span", { class: "size" }, `not UTF-8, ${bytes(what.bytes.length)} `) : null;
  return [binary ?? size_, nodes(list), more ? "…" : null];
}
