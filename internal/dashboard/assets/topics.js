// The topics that may be read, with their partitions.

import { el, put, rows, say, table } from "./dom.js";
import { count, plural, rate } from "./format.js";
import { model } from "./model.js";

const COLUMNS = [["topic", "wrap"], ["partitions", "num"], ["records", "num"], ["records/s", "num"], ["open transactions", "num opt"], ["", "num"]];
const PARTITIONS = [["partition", "num"], ["start", "num"], ["end", "num"], ["high watermark", "num"], ["records", "num"]];

export function topics(main, parameters) {
  const problem = el("p", { class: "notice bad", role: "alert", hidden: true }), list = table("Topics", COLUMNS), parts = table("Partitions", PARTITIONS);
  const summary = el("p"), heading = el("h2"), detail = el("section", { class: "flush", hidden: true }, heading, parts.node);
  const chosen = parameters.get("topic");
  put(main, el("div", { class: "title" }, el("h1", {}, "Topics"), summary), problem, el("section", { class: "flush" }, list.node), detail);
  return model.watch(() => {
    const all = model.topics ?? [];
    problem.hidden = !model.topicsError;
    problem.textContent = model.topicsError?.message ?? "";
    say(summary, model.topics ? `${plural(all.length, "topic")} that you may read, as Kafka has them` : "asking…");
    rows(list.body, COLUMNS, all, (t) => t.topic_id || t.name, (t, row) => {
      if (!row.links) {
        const query = `topic=${encodeURIComponent(t.name)}`;
        row.name = el("a", { href: `#/topics?${query}`, class: "mono" }, t.name);
        row.links = el("a", { href: `#/now?${query}` }, "Watch");
      }
      const open = t.partitions.filter((p) => p.high_watermark > p.end).length;
      return [row.name, count(t.partitions.length), count(t.partitions.reduce((n, p) => n + p.end - p.start, 0)),
        rate(model.history.topicRates.get(t.name)), open > 0 ? plural(open, "partition") : "none", row.links];
    });
    const topic = all.find((t) => t.name === chosen);
    detail.hidden = !topic;
    if (!topic) return;
    say(heading, `Partitions of ${topic.name} · id ${topic.topic_id}`);
    rows(parts.body, PARTITIONS, topic.partitions, (p) => p.partition,
      (p) => [String(p.partition), count(p.start), count(p.end), count(p.high_watermark), count(p.end - p.start)]);
  });
}
