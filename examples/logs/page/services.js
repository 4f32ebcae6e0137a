// The table of services: the last minute of each, and whether its alert is on.

import { byId, count, clock, el, keep, millis, percent, rate, say } from "./dom.js";

const SPAN = 60;

export class Services {
  /** @param {(name: string|null) => void} onChoose */
  constructor(store, alerts, onChoose) {
    Object.assign(this, { store, alerts, onChoose, chosen: null });
    byId("all").addEventListener("click", () => this.choose(null));
  }

  choose(name) {
    this.chosen = name === this.chosen ? null : name;
    byId("all").hidden = this.chosen === null;
    this.onChoose(this.chosen);
    this.draw();
  }

  draw() {
    const { store } = this;
    const rows = [...store.services.values()].map((service) => ({ service, old: store.isOld(service), sum: store.sum(SPAN, service), on: this.alerts.isOn(service.name) }));
    rows.sort((a, b) => a.old - b.old || a.service.name.localeCompare(b.service.name));
    say(byId("services-count"), rows.length > 0 ? `${rows.length}` : "");
    keep(byId("services"), rows, (row) => row.service.name, (row) => this.#make(row), (tr, row) => this.#update(tr, row));
  }

  #make({ service }) {
    const button = el("button", { class: "plain", title: service.name, onclick: () => this.choose(service.name) }, short(service.name));
    return el("tr", {}, el("td", {}, button), el("td", { class: "num" }), el("td", { class: "num errors" }), el("td", { class: "num" }), el("td", { class: "num" }),
      el("td", {}, el("svg", { class: "spark", viewBox: `0 0 ${SPAN} 18`, preserveAspectRatio: "none", role: "img" }, el("path", { class: "all" }), el("path", { class: "error" }))));
  }

  #update(tr, { service, old, sum, on }) {
    tr.classList.toggle("old", old);
    tr.classList.toggle("ringing", on);
    tr.toggleAttribute("aria-current", service.name === this.chosen);
    const [name, lines, errors, p50, p99, trend] = tr.children;
    name.firstChild.setAttribute("aria-pressed", String(service.name === this.chosen));
    say(lines, old ? count(service.lines) : rate(sum.lines / SPAN));
    lines.title = old ? `all lines; the last is of ${clock(service.newest * 1000)}` : "";
    say(errors, percent(sum.error, sum.lines));
    say(p50, millis(sum.p50));
    say(p99, millis(sum.p99));
    const series = this.store.series(SPAN, service), most = Math.max(1, ...series.map((s) => s.lines));
    const [all, bad] = trend.firstChild.children;
    all.setAttribute("d", path(series.map((s) => s.lines / most)));
    bad.setAttribute("d", path(series.map((s) => s.error / most)));
    trend.firstChild.setAttribute("aria-label", `${service.name}, the last minute: at most ${most} lines and ${Math.max(...series.map((s) => s.error))} errors a second`);
  }
}

/** A file by its end, which tells more than its beginning. */
function short(name) {
  return name.length > 16 && name.startsWith("/") ? `…${name.slice(name.lastIndexOf("/"))}` : name;
}

/** Bars of one unit each, without a gap. */
function path(parts) {
  return parts.map((part, n) => (part > 0 ? `M${n} 18V${(18 - 17 * part).toFixed(1)}H${n + 0.85}V18Z` : "")).join("");
}
