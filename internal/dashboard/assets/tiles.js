// Four figures with their last five minutes.

import { Sparkline } from "./chart.js";
import { el, say } from "./dom.js";
import { count, rate, seconds } from "./format.js";
import { model } from "./model.js";

function tile(title, unit) {
  const heading = el("h2", {}, title), figure = document.createTextNode("–"), small = el("small", {}, unit), line = new Sparkline(title, unit);
  return { node: el("section", { class: "tile" }, heading, el("b", {}, figure, small), line.node), heading, figure, small, line };
}

export function tiles() {
  const arriving = tile("Arriving", "records/s"), handled = tile("Handled", "records/s");
  const lag = tile("Lag of the group", ""), watchers = tile("Watchers", "on this replica");
  arriving.node.title = "Offsets a second that are written to what the groups read, as Kafka says.";
  handled.node.title = "Offsets a second that the groups have committed, on all replicas.";

  function update() {
    const { history, groups, state } = model;
    arriving.figure.data = rate(history.last("arriving"));
    handled.figure.data = rate(history.last("handled"));
    arriving.line.draw(history.series.arriving, rate);
    handled.line.draw(history.series.handled, rate);
    if (groups) {
      if (groups.length > 1) {
        say(lag.heading, `Lag, worst of ${groups.length} groups`);
        say(handled.heading, `Handled, ${groups.length} groups together`);
      }
      const records = groups.map((g) => g.lag).filter((n) => n !== null && n !== undefined);
      const unknown = groups.reduce((n, g) => n + (g.unknown ?? 0), 0);
      const worst = groups.map((g) => g.lag_seconds).filter((n) => n !== null && n !== undefined);
      const [value, unit = ""] = worst.length > 0 ? seconds(Math.max(...worst)).split(" ") : ["–"];
      lag.figure.data = value;
      const all = records.length > 0 ? count(records.reduce((a, b) => a + b)) : "–";
      say(lag.small, `${unit} · ${all} records${unknown > 0 ? `, ${count(unknown)} partitions unknown` : ""}`);
      lag.line.draw(history.series.lag, seconds);
    }
    if (state) {
      watchers.figure.data = count(state.streams.clients);
      say(watchers.small, `on ${state.replica}`);
      watchers.line.draw(history.series.watchers, count);
    }
  }
  return { nodes: [arriving, handled, lag, watchers].map((t) => t.node), update };
}
