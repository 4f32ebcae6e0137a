// Dead letters of a group: why they are there, a page of them, one of them whole, and the way back.

import { get } from "./api.js";
import { el, put, rows, say, table } from "./dom.js";
import { bytes, count, plural, when } from "./format.js";
import { model } from "./model.js";
import { showRecord } from "./recorddialog.js";
import { redrive } from "./redrive.js";
import { content, nodes, pieces } from "./text.js";

const REASONS = [["reason"], ["records", "num"], ["", "num"]];
const MESSAGES = [["message", "val"], ["records", "num"]];
const LETTERS = [["last failure"], ["topic · partition · offset", "opt"], ["key", "wrap opt"], ["reason"], ["message", "val"], ["attempts", "num opt"], ["redriven", "num opt"], ["size", "num opt"]];
const PAGE = 50;

export function deadLetters(main, parameters) {
  let group = parameters.get("group") ?? "", page = null, letters = [], turn = 0;
  const select = el("select", { "aria-label": "Group", onchange: () => { group = select.value; form.choose(group); load(); } });
  const topic = el("select", { "aria-label": "Topic of the original records", onchange: () => load() });
  const again = el("button", { type: "button", onclick: () => load() }, "Read again");
  const problem = el("p", { class: "notice bad", role: "alert", hidden: true }), summary = el("p", { class: "pad", "aria-live": "polite" });
  const reasons = table("Dead letters by reason", REASONS), messages = table("Most frequent messages", MESSAGES), list = table("Dead letters", LETTERS);
  const more = el("button", { type: "button", hidden: true, onclick: () => load(page.next) }, "More");
  const form = redrive(() => load());
  const why = el("section", { class: "flush", hidden: true }, el("h2", {}, "Why"), el("div", { class: "pair" }, reasons.node, messages.node));
  const which = el("section", { class: "flush", hidden: true }, el("h2", {}, "Backlog, the oldest first in each partition"), list.node, el("div", { class: "pad" }, more));
  put(main, el("div", { class: "title" }, el("h1", {}, "Dead letters"), el("p")),
    el("section", { class: "flush" }, el("div", { class: "bar-of-controls" }, select, topic, again), summary, problem), why, form.node, which);

  async function load(from) {
    if (!group) return;
    const mine = ++turn;
    again.disabled = more.disabled = true;
    problem.hidden = true;
    if (!from) say(summary, "Reading the dead letters…");
    const query = new URLSearchParams({ limit: PAGE, ...(topic.value && { topic: topic.value }), ...(from && { from }) });
    try {
      const answer = await get(`/groups/${encodeURIComponent(group)}/dead-letters?${query}`, { timeout: 70_000 });
      if (mine !== turn) return;
      page = answer;
      letters = from ? [...letters, ...answer.letters] : answer.letters;
      if (answer.summary) summarize(answer);
    } catch (error) {
      if (mine !== turn) return;
      say(summary, error.status === 404 ? "The group has no dead letters." : "");
      problem.hidden = error.status === 404;
      problem.textContent = error.message;
      if (!from) { page = null; letters = []; why.hidden = true; }
    } finally {
      if (mine === turn) again.disabled = more.disabled = false;
    }
    more.hidden = !page?.next;
    which.hidden = letters.length === 0;
    rows(list.body, LETTERS, letters, (d) => `${d.topic}/${d.dead_letter.partition}/${d.dead_letter.offset}`, cells);
  }

  function summarize({ summary: s, topics }) {
    why.hidden = s.backlog === 0;
    const span = s.backlog > 0 ? ` The last failures were between ${when(s.oldest)} and ${when(s.newest)}.` : "";
    const rest = [s.foreign > 0 && ` ${plural(s.foreign, "record")} in the same topics are none of this group.`, !s.complete && " There was no time to count all: each number is too low.",
      s.approximate && " There are too many different messages to count each exactly."].filter(Boolean).join("");
    say(summary, `${plural(s.backlog, "dead letter")} not redriven, of ${count(s.letters)} in all.${span}${rest}`);
    rows(reasons.body, REASONS, s.classes, (c) => c.value, (c, row) => {
      row.button ??= el("button", { type: "button", onclick: () => form.open({ class: c.value }) }, "Redrive…");
      row.button.setAttribute("aria-label", `Redrive ${c.value}…`);
      return [[el("span", { class: "tag bad" }, c.value)], count(c.count), row.button];
    });
    rows(messages.body, MESSAGES, s.messages, (m) => m.value, (m) => [nodes(pieces({ text: m.value }).list), count(m.count)]);
    if (topic.options.length - 1 < topics.length) put(topic, el("option", { value: "" }, "all topics"), topics.map((t) => el("option", { value: t }, t)));
    form.offer(topics);
  }

  function cells(d, row) {
    row.button ??= el("button", { type: "button", class: "plain look", "aria-label": `${when(d.last_failure)}, look at ${d.topic} ${d.partition} ${d.offset}`, onclick: () => look(d) }, when(d.last_failure));
    const key = d.key === null ? (d.key_size > 0 ? bytes(d.key_size) : "none") : nodes(pieces(content(d.key, d.key_encoding), 60).list);
    return [row.button, `${d.topic} · ${d.partition} · ${d.offset}`, Array.isArray(key) ? [el("span", { class: "mono" }, key)] : key, [el("span", { class: "tag bad" }, d.class)],
      nodes(pieces({ text: d.message }, 400).list), count(d.attempts), count(d.replay_count), d.value_size < 0 ? "none" : bytes(d.value_size)];
  }

  /** A letter's payload is asked for when somebody looks: it needs a right of its own. */
  async function look(d) {
    problem.hidden = true;
    const query = new URLSearchParams({ topic: d.topic, from: `${d.topic}/${d.dead_letter.partition}/${d.dead_letter.offset}`, limit: 1, payloads: true });
    try {
      const { letters: [found] } = await get(`/groups/${encodeURIComponent(group)}/dead-letters?${query}`, { timeout: 70_000 });
      if (found?.dead_letter.offset !== d.dead_letter.offset) throw new Error("it was redriven meanwhile");
      const { payload } = found;
      showRecord({ topic: found.topic, partition: found.partition, offset: found.offset, timestamp: Date.parse(found.timestamp), key: found.key, key_encoding: found.key_encoding,
        value: payload.value, encoding: payload.value_encoding, headers: payload.headers.map((h) => ({ key: h.name, value: h.value, encoding: h.encoding })) });
    } catch (error) {
      problem.textContent = error.status === 403 ? `The payload is shown to who may operate on the topic: ${error.message}` : error.message;
      problem.hidden = false;
    }
  }

  const unwatch = model.watch(() => {
    const names = (model.groups ?? []).map((g) => g.group);
    if (names.length === 0 || select.dataset.names === names.join()) return;
    select.dataset.names = names.join();
    if (!names.includes(group)) group = group && !select.options.length ? group : names[0];
    put(select, [...new Set([group, ...names])].map((name) => el("option", { value: name, selected: name === group }, name)));
    form.choose(group);
    load().then(() => parameters.get("class") && !why.hidden && form.open({ class: parameters.get("class") }));
  });
  return () => { unwatch(); form.stop(); turn++; };
}
