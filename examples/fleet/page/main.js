// The page: opens the streams, and draws once a frame.
import { open } from "/sluice.js";
import { Alerts } from "./alerts.js";
import { Cars } from "./cars.js";
import { colours, drawGround } from "./ground.js";
import { Light } from "./light.js";
import { Trail } from "./trail.js";
import { View } from "./view.js";

const prefix = new URLSearchParams(location.search).get("prefix") ?? "fleet.";
const topic = (name) => prefix + name;
const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");

const cars = new Cars(), light = new Light(), alerts = new Alerts($("alerts"), choose);
let city = null, view = null, colour = colours(), chosen = "", trail = null, ground = true, rate = null;

/** A stream's trouble is said on the map until the stream is there again. */
const troubles = new Map();
function trouble(name) {
  const say = (text) => {
    if (text) troubles.set(name, text); else troubles.delete(name);
    const all = [...new Set(troubles.values())].join(" ");
    if ($("notice").textContent !== all) $("notice").textContent = all;
    $("notice").hidden = all === "";
  };
  return {
    onState: (state, { reason, error } = {}) => {
      if (state === "waiting") say(`The connection is interrupted: ${reason}.`);
      else if (state === "failed") say(`The ${name} cannot be read: ${error.message}.`);
      else if (state === "open") say("");
    },
    onGap: ({ reason }) => { if (reason !== "expired") console.info(`${name}: records were skipped, ${reason}`); },
  };
}

const map = open({
  topics: topic("map"), from: "earliest", ...trouble("map"),
  onRecord: ({ value }) => { if (Array.isArray(value?.roads)) arrive(value); },
});
open({
  topics: [topic("state"), topic("check")], from: "-10s", ...trouble("vehicles"),
  onRecords: (records) => {
    const now = performance.now();
    for (const r of records) {
      if (r.topic === topic("check")) light.take(r.value, now);
      else if (r.value) cars.take({ ...r.value, partition: r.partition }, now);
    }
  },
});
open({ topics: topic("alerts"), from: "-1m", ...trouble("alerts"), onRecords: (records) => { for (const r of records) alerts.take(r.value); } });

/** The map has come: there is something to draw on. */
function arrive(value) {
  city = value;
  view ??= new View($("cars"), city, () => { ground = true; });
  view.city = city;
  view.onPick = (place, within) => choose(cars.near(place, within) ?? "");
  ground = true;
}

function frame(now) {
  requestAnimationFrame(frame);
  if (!view || view.width === 0) return;
  if (ground) drawGround($("ground"), city, view, colour);
  ground = false;
  cars.draw($("cars"), city, view, colour, now, chosen, trail);
}
requestAnimationFrame(frame);

/** Chooses a vehicle, or none, and replays where it has been. */
function choose(id) {
  if (id && !cars.all.has(id)) { $("miss").textContent = `There is no vehicle ${id} just now.`; return; }
  $("miss").textContent = "";
  if (id === chosen) return;
  trail?.close();
  trail = null;
  chosen = id;
  alerts.mark(id);
  if (id) {
    $("trail").textContent = "";
    trail = new Trail(topic("positions"), id, cars.all.get(id).track.partition, (text) => { if (chosen === id && $("trail").textContent !== text) $("trail").textContent = text; });
    const v = cars.all.get(id);
    view?.show(v.x, v.y);
  }
  words();
}

$("search").addEventListener("submit", (e) => {
  e.preventDefault();
  const text = $("wanted").value.trim().toLowerCase(), digits = /^v?(\d{1,5})$/.exec(text)?.[1];
  if (digits) choose(`v${digits.padStart(4, "0")}`);
  else $("miss").textContent = text ? "A vehicle is named by its number, such as 42." : "";
});
$("close").addEventListener("click", () => { choose(""); $("wanted").focus(); });
$("closer").addEventListener("click", () => view?.zoom(1.5));
$("farther").addEventListener("click", () => view?.zoom(1 / 1.5));
$("fit").addEventListener("click", () => view?.fit());
addEventListener("keydown", (e) => {
  if (e.key === "Escape" && chosen) choose("");
  else if (e.key === "/" && !(e.target instanceof HTMLInputElement)) { e.preventDefault(); $("wanted").focus(); }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colour = colours(); ground = true; });

/** What is said in words follows four times a second. */
function put(id, text) { if ($(id).textContent !== text) $(id).textContent = text; }
function words() {
  const now = performance.now();
  light.show(now);
  alerts.show();
  put("vehicles", number.format(cars.all.size));
  put("dropped", number.format(cars.dropped));
  put("told", number.format(light.figure("alerts")));
  for (const [kind, n] of Object.entries(cars.counts)) put(kind, number.format(n));
  const v = cars.all.get(chosen);
  $("chosen").hidden = !v;
  if (!v) return;
  const kind = cars.kind(v, now);
  put("name", chosen);
  put("doing", v.track.idle && kind === "standing" ? "idle" : { speeding: "too fast" }[kind] ?? kind);
  $("doing").classList.toggle("bad", kind === "speeding");
  put("speed", v.track.speed.toFixed(0));
  put("zone", v.track.fences?.join(", ") || "none");
  put("points", number.format(v.track.points));
  put("late", number.format(v.track.stale + v.track.duplicates));
}
setInterval(words, 250);

let before = { points: 0, at: performance.now() };
setInterval(() => {
  const at = performance.now(), now = 1000 * (cars.points - before.points) / (at - before.at);
  // What came at first was caught up.
  if (before.points > 0) { rate = rate === null ? now : 0.6 * rate + 0.4 * now; put("rate", number.format(Math.round(rate))); }
  before = { points: cars.points, at };
  const { moving, standing, speeding } = cars.counts;
  put("summary", `${cars.all.size} vehicles: ${moving} are moving, ${standing} stand, ${speeding} are too fast.`);
}, 1000);
