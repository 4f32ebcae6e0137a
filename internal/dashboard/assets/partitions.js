// How far a group is behind in each partition of the topic that the tail shows.

import { el, put, rows, say, table } from "./dom.js";
import { count, seconds } from "./format.js";
import { model } from "./model.js";

const COLUMNS = [["#"], ["lag"], ["records", "num"], ["seconds", "num"]];
const MOST = 16;

/** Seconds under a heading that says so. */
export const age = (n) => seconds(n).replace(/ s$/, "");

/** A bar that is so full, of a lag. */
export function meter(part, late) {
  const bar = el("i");
  bar.style.width = `${Math.round(100 * Math.min(1, Math.max(0, part)))}%`;
  return el("span", { class: late ? "meter warn" : "meter", "aria-hidden": "true" }, bar);
}

export function partitions() {
  const heading = el("h2"), rest = el("p", { class: "note pad" }), list = table("Lag by partition", COLUMNS);
  const node = el("section", { class: "side flush" }, heading, list.node, rest);
  let topic = "";

  function update() {
    const readers = (model.groups ?? []).filter((g) => g.partitions.some((p) => p.topic === topic));
    const group = readers[0];
    put(heading, "Partitions of ", el("span", { class: "mono" }, topic || "…"), group ? ` · group ${group.group}` : "");
    if (!group) {
      rows(list.body, COLUMNS, [], () => "", () => []);
      say(rest, model.groups ? "No handler of this program reads it." : "");
      return;
    }
    const all = group.partitions.filter((p) => p.topic === topic);
    const worst = Math.max(1, ...all.map((p) => p.lag ?? 0));
    // The first ones in their order; where there are more, those that are behind.
    const shown = all.length <= MOST ? all : [...all].sort((a, b) => (b.lag ?? -1) - (a.lag ?? -1)).slice(0, MOST);
    rows(list.body, COLUMNS, shown, (p) => p.partition, (p) => [
      String(p.partition), [meter((p.lag ?? 0) / worst, (p.lag_seconds ?? 0) > 2)], count(p.lag), age(p.lag_seconds),
    ]);
    const more = [
      all.length > shown.length && `${all.length - shown.length} more with less lag.`,
      readers.length > 1 && `${readers.length - 1} more groups read it.`,
      ...all.filter((p) => p.problem).slice(0, 3).map((p) => `${p.partition}: ${p.problem}`),
    ].filter(Boolean);
    say(rest, more.join(" "));
  }
  return { node, update, choose(name) { topic = name; update(); } };
}
