// The page: three topics as service B streams them, drawn four times a second.

import { open } from "/sluice.js";
import { Crawl } from "./model.js";
import { Grid } from "./grid.js";

const prefix = new URLSearchParams(location.search).get("prefix") ?? "crawler.";
const $ = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const count = (n) => (Number.isFinite(n) ? whole.format(n) : "–");

const crawl = new Crawl(prefix);
const grid = new Grid($("hosts"), $("legend"), () => draw());
let stream = "connecting";
$("all").addEventListener("click", () => { grid.chosen = null; draw(); });

// A stream that has to be opened anew goes on where the last one was: nothing is counted twice.
const place = new Map(), storage = { getItem: (name) => place.get(name) ?? null, setItem: (name, cursor) => place.set(name, cursor) };

function connect() {
  stream = "connecting";
  open({
    topics: crawl.topics, from: "earliest", storage,
    onRecords: (records) => records.forEach((r) => crawl.take(r)),
    onState: (state, detail) => { stream = state === "failed" ? detail.error?.message ?? state : state; },
  }).done.then((error) => { if (error) setTimeout(connect, 3000); }); // The topics are made when the example starts.
}

async function letters() {
  if (!(crawl.figure("dead letters") > 0)) return;
  const answer = await fetch(`/groups/${encodeURIComponent(`${prefix}fetch`)}/dead-letters?limit=1000`).catch(() => null);
  if (answer?.ok) crawl.letters((await answer.json()).letters);
}

function say(id, text) { const node = $(id); if (node.textContent !== text) node.textContent = text; }

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.textContent = text;
  return node;
}

function light() {
  const v = crawl.verdict, node = $("light"), wrong = $("wrong");
  node.className = `light ${!v ? "" : v.ok ? "good" : "bad"}`;
  const text = !v ? (stream === "live" ? "waiting for the checker" : stream)
    : !v.ok ? `${count((v.offences ?? []).length)} ${v.offences?.length === 1 ? "thing is" : "things are"} wrong`
      : v.complete ? "complete: each page is there exactly once" : "nothing lost, repeated or out of order so far";
  if (node.lastElementChild.textContent !== text) node.lastElementChild.textContent = text;
  const offences = v && !v.ok ? v.offences ?? [] : [];
  wrong.hidden = offences.length === 0;
  if (wrong.childElementCount !== offences.length) wrong.replaceChildren(...offences.map((o) => element("p", "", o)));
}

function spark(id, name, series) {
  if (series.length < 2) return;
  const svg = $(id), highest = Math.max(1, ...series.map((p) => p.value)), end = series.at(-1).at, span = Math.max(series.length - 1, 20) * (end - series.at(-2).at);
  const points = series.map((p) => `${(120 - (120 * (end - p.at)) / span).toFixed(1)} ${(29 - (27 * p.value) / highest).toFixed(1)}`);
  svg.children[1].setAttribute("d", `M${points.join(" ")}`);
  svg.children[0].setAttribute("d", `M${points.join(" ")} 120 30 ${points[0].split(" ")[0]} 30Z`);
  const label = `${name}: now ${count(series.at(-1).value)}, at most ${count(highest)}`;
  if (svg.getAttribute("aria-label") !== label) svg.setAttribute("aria-label", label);
}

function tiles(now) {
  const of = crawl.figure("pages expected"), left = crawl.totalLeft(now), rates = crawl.rates(now);
  say("pages", count(crawl.pages));
  say("pages-note", of ? `of ${count(of)} that can be reached` : "of the web");
  $("progress").style.width = `${of ? Math.min(100, (100 * crawl.pages) / of) : 0}%`;
  say("rate", count(rates.slice(-3).reduce((sum, r) => sum + r.value, 0) / Math.min(3, rates.length)));
  spark("rates", "Pages a second", rates);
  say("left", `${crawl.full ? "≥ " : ""}${count(left)}`);
  spark("lefts", "URLs in the frontier", crawl.lefts);
  say("duplicates", count(crawl.duplicates));
  const share = crawl.links ? crawl.duplicates / crawl.links : 0;
  say("duplicates-note", crawl.links ? `${count(100 * share)} % of ${count(crawl.links)} links` : "of all links");
  $("share").style.width = `${100 * share}%`;
}

function pairs(list) {
  return list.map(([name, value]) => { const row = document.createElement("div"); row.append(element("dt", "", name), element("dd", "", value)); return row; });
}

function latest() {
  const chosen = grid.chosen && crawl.hosts.get(grid.chosen);
  $("all").hidden = $("host").hidden = !chosen;
  say("latest-title", chosen ? chosen.name : "Latest pages");
  if (chosen) {
    $("host").replaceChildren(...pairs([["pages", count(chosen.pages)], ["frontier", count(crawl.left(chosen))], ["answers in", `${count(chosen.ms)} ms`],
      ["came later", count(chosen.refused)], ["disallowed", count(chosen.disallowed)], ["dead letters", count(chosen.dead)]]));
  }
  const rows = (chosen ? chosen.latest ?? [] : crawl.latest).slice(0, chosen ? 10 : 15);
  $("latest").replaceChildren(...rows.map(({ url, title, size, ms }) => {
    const row = document.createElement("tr"), where = document.createElement("td"), end = url.indexOf(".", 7), path = url.slice(url.indexOf("/", 7));
    where.append(element("span", "dim", `${url.slice(7, end)} `), path);
    where.title = `${url}: ${title}`;
    row.append(where, element("td", "num", count(size)), element("td", "num", count(ms)));
    return row;
  }));
}

const FIGURES = ["requests", "asked to come later", "dead letters", "dead letters expected", "dead letters of others", "pages fetched again", "impolite requests"];

function draw() {
  const now = Date.now();
  light();
  tiles(now);
  grid.draw(crawl, now);
  say("hosts-note", `${count(crawl.hosts.size)} found`);
  latest();
  const known = FIGURES.map((name) => [name, crawl.figure(name)]).filter(([, value]) => value !== undefined);
  const text = JSON.stringify(known);
  if ($("figures").dataset.shown !== text) { $("figures").dataset.shown = text; $("figures").replaceChildren(...pairs(known.map(([n, v]) => [n, count(v)]))); }
}

connect();
draw();
setInterval(() => { if (!document.hidden) draw(); }, 500);
setInterval(letters, 2000);
