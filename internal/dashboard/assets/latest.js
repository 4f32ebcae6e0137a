// Dead letters in short, by reason. Counting them reads all of them from Kafka, so that it is done when the view is
// opened, when this replica has written one, and when somebody asks.

import { get } from "./api.js";
import { el, put, rows, table } from "./dom.js";
import { count, when } from "./format.js";
import { model } from "./model.js";
import { nodes, pieces } from "./text.js";

const COLUMNS = [["reason"], ["group", "val"], ["records", "num"], ["", "num"]];
const AT_MOST_EVERY = 60_000;

export function latestLetters() {
  const list = table("Dead letters by reason", COLUMNS), note = el("p", { class: "note pad" });
  const again = el("button", { type: "button", onclick: () => ask() }, "Count again");
  const node = el("section", { class: "flush" }, el("div", { class: "bar-of-controls" }, el("h2", {}, "Dead letters, by reason"), again), list.node, note);
  let asked = -Infinity, running = false, dead = -1, stopped = false;

  async function ask() {
    if (running || !model.groups) return;
    running = again.disabled = true;
    asked = performance.now();
    const found = [], notes = [];
    for (const { group } of model.groups) {
      try {
        const { summary } = await get(`/groups/${encodeURIComponent(group)}/dead-letters?limit=1`, { timeout: 70_000 });
        for (const c of summary.classes) found.push({ group, ...c });
        if (summary.backlog > 0) notes.push(`${group}: ${count(summary.backlog)} of ${count(summary.letters)} not redriven, ${when(summary.oldest)} to ${when(summary.newest)}${summary.complete ? "" : ", counted in part"}. ${summary.messages.slice(0, 3).map((m) => `${count(m.count)} × ${m.value}`).join("; ")}.`);
      } catch (error) {
        if (error.status !== 404) notes.push(`${group}: ${error.message}.`);
      }
    }
    running = again.disabled = false;
    if (stopped) return;
    rows(list.body, COLUMNS, found, (f) => `${f.group} ${f.value}`, cells);
    list.node.hidden = found.length === 0;
    put(note, nodes(pieces({ text: notes.join(" ") || "There are none." }).list));
  }

  function cells(f, row) {
    row.link ??= el("a", {}, "Look and redrive");
    row.link.href = `#/dead-letters?group=${encodeURIComponent(f.group)}&class=${encodeURIComponent(f.value)}`;
    return [[el("span", { class: "tag bad" }, f.value)], f.group, count(f.count), row.link];
  }

  return {
    node,
    update() {
      const now = model.state?.handlers.reduce((sum, h) => sum + h.records.dead, 0) ?? 0;
      const due = dead < 0 || (now !== dead && performance.now() - asked > AT_MOST_EVERY);
      if (!model.groups || !due) return;
      dead = now;
      ask();
    },
    stop() { stopped = true; },
  };
}
