// Who has live streams open on this replica.

import { el, put, rows, say, table } from "./dom.js";
import { ago, bytes, count, plural, rate } from "./format.js";
import { model } from "./model.js";

const TOPICS = [["topic", "wrap"], ["streams", "num"], ["memory", "num"], ["stalled", "num"]];
const CLIENTS = [["who", "wrap"], ["from", "wrap opt"], ["by"], ["topics", "wrap"], ["filter", "wrap opt"], ["for", "num"], ["sent", "num"], ["behind", "num"]];

export function watchers(main) {
  const summary = el("p"), totals = el("p", { class: "counts" }), topics = table("Topics that are watched", TOPICS), clients = table("Streams", CLIENTS);
  const none = el("p", { class: "empty pad" }), note = el("p", { class: "note pad" });
  put(main, el("div", { class: "title" }, el("h1", {}, "Watchers"), summary),
    el("section", {}, totals),
    el("section", { class: "flush" }, el("h2", {}, "Topics that are watched"), topics.node, none),
    el("section", { class: "flush" }, el("h2", {}, "Streams, one by one"), clients.node, note));
  return model.watch(() => {
    const { state } = model;
    if (!state) return;
    put(summary, "Only on this replica ", el("span", { class: "tag here" }, state.replica));
    const { streams } = state;
    put(totals, [["streams", count(streams.clients)], ["records/s", rate(model.history.last("delivered"))], ["records since the start", count(streams.delivered)],
      ["sent", bytes(streams.bytes)], ["gaps told", count(streams.gaps)]].map(([name, n]) => el("span", {}, name, el("b", {}, n))));
    const watched = streams.topics ?? [];
    topics.node.hidden = watched.length === 0;
    none.hidden = watched.length > 0;
    say(none, "None is, on this replica.");
    rows(topics.body, TOPICS, watched, (t) => t.topic, (t) => [t.topic, count(t.clients), bytes(t.bytes), t.stalled > 0 ? plural(t.stalled, "partition") : "none"]);
    clients.node.hidden = state.watchers.length === 0;
    rows(clients.body, CLIENTS, state.watchers, (w) => `${w.remote} ${w.since}`, (w) => [w.principal || "anybody", w.remote, w.transport,
      w.topics.join(", "), w.filter ?? "", ago(w.since), count(w.delivered), w.behind > 0 ? count(w.behind) : "live"]);
    say(note, state.all_watchers ? (streams.clients === 0 ? "There is none." : "") :
      `${count(streams.clients - state.watchers.length)} more are not listed: they are shown to who may operate on their topics, 200 at most.`);
  });
}
