// In which state the records are that this replica has taken over: the bar is of those in flight, the sum is of all.

import { el, keep, put, say } from "./dom.js";
import { ago, count, plural } from "./format.js";
import { model } from "./model.js";

const IN_FLIGHT = ["running", "queued", "retrying"];
const STATES = ["ok", "running", "queued", "retrying", "dead", "returned"];

export function statesSection() {
  const node = el("section", { "aria-label": "States of records" });
  return {
    node,
    update() {
      const { state } = model;
      node.hidden = !state || state.handlers.length === 0;
      if (node.hidden) return;
      keep(node, state.handlers, (h) => h.handler, make, (row, h) => draw(row, h, state.replica));
    },
  };
}

function make() {
  const flight = IN_FLIGHT.map((name) => el("i", { class: name }));
  const numbers = STATES.map((name) => el("b"));
  return Object.assign(el("div", { class: "states" },
    el("h2"), el("div", { class: "bar", role: "img" }, flight),
    el("p", { class: "legend" },
      STATES.map((name, n) => el("span", {}, el("i", { class: `swatch ${name}` }), name, numbers[n])),
      el("span", { class: "dim" }, "= in", numbers[STATES.length] = el("b"))),
    el("p", { class: "note" })), { flight, numbers });
}

function draw(row, h, replica) {
  const [heading, bar, , note] = row.children;
  const inFlight = IN_FLIGHT.reduce((sum, name) => sum + h.records[name], 0);
  const oldest = h.oldest_running ? `, the oldest for ${ago(h.oldest_running)}` : "";
  say(heading, `In flight: ${plural(inFlight, "record")} in ${plural(h.lanes, "lane")} of ${plural(h.partitions, "partition")}${oldest} · handler ${h.handler} on ${replica}`);
  IN_FLIGHT.forEach((name, n) => {
    row.flight[n].style.flexGrow = h.records[name];
    row.flight[n].hidden = h.records[name] === 0;
  });
  bar.setAttribute("aria-label", IN_FLIGHT.map((name) => `${count(h.records[name])} ${name}`).join(", "));
  STATES.forEach((name, n) => say(row.numbers[n], count(h.records[name])));
  say(row.numbers[STATES.length], count(h.records.in));
  const lines = [
    h.not_joined && ["bad", `Not in its group: ${h.not_joined}`],
    h.held && ["warn", `Held: ${h.held}`],
    ...h.troubles.slice(0, 4).map((t) => (t.stopped
      ? ["bad", `${t.topic} ${t.partition} is stopped: ${t.stopped}`]
      : t.restoring ? ["warn", `${t.topic} ${t.partition} waits for its state: ${t.restoring}`]
      : ["warn", `${t.topic} ${t.partition} waits to try a record again: ${t.last_error}`])),
    h.troubles.length > 4 && ["dim", `and ${h.troubles.length - 4} more partitions`],
  ].filter(Boolean);
  note.hidden = lines.length === 0;
  if (lines.map(([, text]) => text).join("") !== note.textContent) put(note, lines.map(([kind, text]) => el("span", { class: kind }, text, el("br"))));
}
