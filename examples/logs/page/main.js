// Reads the topics, and draws once a second.

import { open } from "/sluice.js";
import { Alerts } from "./alerts.js";
import { Chart } from "./chart.js";
import { byId, count, el, keep, millis, percent, rate, say } from "./dom.js";
import { Lines } from "./lines.js";
import { Services } from "./services.js";
import { Store } from "./store.js";

const prefix = new URLSearchParams(location.search).get("prefix") ?? "logs.";
const SPAN = 180, SILENCE = 15_000;

const store = new Store(), alerts = new Alerts(), chart = new Chart(byId("chart"), byId("at"));
const lines = new Lines(`${prefix}raw`);
const services = new Services(store, alerts, (name) => { lines.choose(name); draw(); });
let judged = 0;

// The table has an open second with each line that comes; only closed ones are asked for.
open({
  topics: `${prefix}counts`, from: "-5m", filter: `!key.contains("|open")`, onRecords: (records) => store.take(records),
  onState: (state, { error, reason }) => say(byId("stream"), { live: "live", failed: `ended: ${error?.message}`, waiting: `again soon: ${reason}` }[state] ?? "reading"),
});
open({ topics: `${prefix}alerts`, from: "-1h", onRecords: (records) => alerts.take(records) });
open({ topics: `${prefix}check`, from: "-1m", onRecord: (record) => judge(record.value, record.timestamp) });

/** Shows what the checker says. */
function judge(verdict, at) {
  if (typeof verdict !== "object" || verdict === null) return;
  judged = at;
  const figures = Object.fromEntries((verdict.figures ?? []).map(({ name, value }) => [name, value]));
  byId("check").className = verdict.ok ? "check good" : "check wrong";
  say(byId("check").querySelector("b"), verdict.ok ? "every count agrees" : "something is wrong");
  say(byId("check").querySelector("span"), ["lines", "seconds compared", "repeats"].filter((name) => name in figures).map((name) => `${count(figures[name])} ${name}`).join(" · "));
  say(byId("delivered"), "alerts delivered" in figures ? `${count(figures["alerts delivered"])} delivered, signed` : "");
  byId("offences").hidden = verdict.ok;
  keep(byId("offences"), verdict.offences ?? [], (text) => text, () => el("li"), (li, text) => say(li, text));
}

function drawTemplates(chosen) {
  const top = store.templates(40, chosen), most = top[0]?.[1] ?? 1;
  keep(byId("templates"), top, ([text]) => text,
    () => el("li", {}, el("span", { class: "num" }), el("span", { class: "share" }, el("i")), el("span", { class: "text" })),
    (li, [text, n]) => {
      const [lines, share, name] = li.children;
      say(lines, count(n));
      share.firstChild.style.width = `${(100 * n) / most}%`;
      say(name, text || "(empty)");
      name.title = text;
    });
}

function draw() {
  if (store.edge === 0) return;
  const chosen = services.chosen === null ? null : store.services.get(services.chosen) ?? null;
  const name = chosen?.name ?? "all services", series = store.series(SPAN, chosen), sum = store.sum(10, chosen);
  chart.draw(series, alerts.spans(chosen?.name ?? null, store.edge), name);
  say(byId("chart-title"), chosen ? `Lines per second · ${name}` : "Lines per second");
  const part = (text, unit, bad = false) => el("span", { class: bad ? "bad" : null }, el("b", {}, text), ` ${unit}`);
  byId("now").replaceChildren(part(rate(sum.lines / 10), "lines/s"), part(percent(sum.error, sum.lines), "errors", sum.error * 5 > sum.lines), part(millis(sum.p99), "p99"));
  drawTemplates(chosen);
}

setInterval(() => {
  if (document.hidden) return;
  services.draw();
  alerts.draw();
  draw();
  if (judged > 0 && Date.now() - judged > SILENCE && byId("check").className !== "check") {
    byId("check").className = "check";
    say(byId("check").querySelector("b"), "the checker is silent");
  }
}, 1000);
setInterval(() => { if (!document.hidden) lines.draw(); }, 250);
