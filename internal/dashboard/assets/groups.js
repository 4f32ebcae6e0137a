// The groups of the handlers: what Kafka says of the whole group, and what this replica does of its work.

import { el, keep, put, rows, say, table } from "./dom.js";
import { ago, count, plural, seconds } from "./format.js";
import { model } from "./model.js";
import { age, meter } from "./partitions.js";

const PARTITIONS = [["topic"], ["#", "num"], ["lag", "opt"], ["records", "num"], ["seconds", "num"], ["committed", "num opt"], ["end", "num opt"], ["member", "wrap opt"], ["", "wrap"]];
const MEMBERS = [["member", "wrap"], ["host", "opt"], ["partitions", "wrap"]];
const HERE = [["topic"], ["#", "num"], ["position", "num opt"], ["queued", "num"], ["running", "num"], ["retrying", "num"], ["lanes", "num opt"], ["oldest attempt", "num opt"]];

export function groups(main) {
  const problem = el("p", { class: "notice bad", role: "alert", hidden: true }), summary = el("p"), list = el("div");
  list.style.display = "grid";
  list.style.gap = "var(--gap)";
  put(main, el("div", { class: "title" }, el("h1", {}, "Groups"), summary), problem, list);
  return model.watch(() => {
    problem.hidden = !model.groupsError;
    problem.textContent = model.groupsError?.message ?? "";
    say(summary, model.groups ? `${plural(model.groups.length, "group")} of this program's handlers` : "asking…");
    keep(list, model.groups ?? [], (g) => `${g.group}/${g.handler}`, make, draw);
  });
}

function make() {
  const section = el("section", { class: "flush" });
  const parts = table("Partitions of the group", PARTITIONS), members = table("Members", MEMBERS), here = table("Partitions of this replica", HERE);
  Object.assign(section, { parts, members, here, heading: el("h2"), total: el("p", { class: "pad" }), trouble: el("p", { class: "notice", hidden: true }),
    memberHeading: el("h3"), hereHeading: el("h3"), hereNote: el("p", { class: "note pad" }) });
  section.append(section.heading, section.total, section.trouble, parts.node, section.memberHeading, members.node, section.hereHeading, section.hereNote, here.node);
  return section;
}

function draw(section, g) {
  put(section.heading, "Group ", el("span", { class: "mono" }, g.group), ` · handler ${g.handler}`);
  const unknown = g.unknown > 0 ? `, unknown of ${plural(g.unknown, "partition")}` : "";
  say(section.total, `${g.state ?? "state unknown"} · lag ${count(g.lag)} records, ${seconds(g.lag_seconds)}${unknown} · the whole group, on all replicas`);
  const missing = g.missing_topics?.length > 0 ? `Topics that do not exist: ${g.missing_topics.join(", ")}.` : "";
  say(section.trouble, g.problem ?? missing);
  section.trouble.hidden = !section.trouble.textContent;
  const worst = Math.max(1, ...g.partitions.map((p) => p.lag ?? 0));
  rows(section.parts.body, PARTITIONS, g.partitions, (p) => `${p.topic}/${p.partition}`, (p, row) => {
    row.className = p.subscribed ? "" : "quiet";
    const said = [p.problem, p.stale_commit && "its commit is of an earlier topic of this name", !p.subscribed && "not read any more"].filter(Boolean);
    return [p.topic, String(p.partition), [meter((p.lag ?? 0) / worst, (p.lag_seconds ?? 0) > 2)], count(p.lag), age(p.lag_seconds),
      p.committed < 0 ? "none" : count(p.committed), p.end < 0 ? "–" : count(p.end), p.member ?? "none", said.join("; ")];
  });
  const members = g.members ?? [];
  say(section.memberHeading, Array.isArray(members) ? plural(members.length, "member") : "");
  rows(section.members.body, MEMBERS, Array.isArray(members) ? members : [], (m) => m.id, (m) => [m.instance ? `${m.instance} (${m.id})` : m.id, m.host,
    m.assigned.map((a) => `${a.topic} ${a.partitions.join(", ")}`).join("; ") || "none"]);
  drawHere(section, g.this_replica);
}

function drawHere(section, here) {
  for (const node of [section.hereHeading, section.hereNote, section.here.node]) node.hidden = !here;
  if (!here) return;
  put(section.hereHeading, "Only on this replica ", el("span", { class: "tag here" }, here.host));
  const mine = here.members.flatMap((m) => m.partitions);
  const notes = here.members.flatMap((m) => [m.not_joined && `Not in the group: ${m.not_joined}.`, m.held && `Held: ${m.held}.`]).filter(Boolean);
  if (here.members.length === 0) notes.push("It has no member of this group.");
  for (const p of mine) {
    if (p.stopped) notes.push(`${p.topic} ${p.partition} is stopped: ${p.stopped}`);
    else if (p.restoring) notes.push(`${p.topic} ${p.partition} waits for its state: ${p.restoring}`);
    else if (p.last_error) notes.push(`${p.topic} ${p.partition} waits to try a record again: ${p.last_error}`);
  }
  if (notes.join("") !== section.hereNote.textContent) put(section.hereNote, notes.map((note) => el("span", { class: "warn" }, note, el("br"))));
  section.hereNote.hidden = notes.length === 0;
  section.here.node.hidden = mine.length === 0;
  rows(section.here.body, HERE, mine, (p) => `${p.topic}/${p.partition}`, (p) => [p.topic, String(p.partition), p.position < 0 ? "–" : count(p.position),
    count(p.records.queued), count(p.records.running), count(p.records.retrying), count(p.lanes), p.oldest_running ? ago(p.oldest_running) : "–"]);
}
