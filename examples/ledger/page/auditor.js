// The light, and the figures that the auditor publishes once a second.

import { byId, count, el, money, say } from "./dom.js";

/** Without a word for so long (ms) the auditor is late: green would be a guess. */
const LATE = 8_000;
/** The rate is over so much (ms), and the line shows so many of them. */
const WINDOW = 5_000, SHOWN = 30;

export class Auditor {
  #heard = 0;
  #history = []; // { at, settled }
  #rates = [];

  constructor() {
    setInterval(() => this.#late(), 1_000);
  }

  /** Takes a verdict, and when it was published. */
  take(verdict, at) {
    if (!Array.isArray(verdict?.figures) || !Array.isArray(verdict.offences)) return;
    this.#heard = Date.now();
    const figure = Object.fromEntries(verdict.figures.map(({ name, value }) => [name, value]));
    this.#figures(figure, at);
    this.#light(verdict, figure);
  }

  #figures(figure, at) {
    say(byId("total"), money(figure.total));
    say(byId("way"), money(figure["on its way"]));
    for (const name of ["posted", "rejected", "duplicates", "invalid"]) say(byId(name), count(figure[name]));
    say(byId("posted-note"), `${count(figure.entries)} entries`);
    const settled = figure.posted + figure.rejected + figure.duplicates + figure.invalid;
    const last = this.#history.at(-1);
    if (last && (at <= last.at || settled < last.settled)) this.#history = [];
    this.#history.push({ at, settled });
    while (this.#history[0].at < at - WINDOW && this.#history.length > 2) this.#history.shift();
    const first = this.#history[0];
    if (at - first.at < 900) return;
    const rate = (settled - first.settled) / ((at - first.at) / 1000);
    say(byId("rate"), count(Math.round(rate)));
    this.#rates.push(rate);
    if (this.#rates.length > SHOWN) this.#rates.shift();
    this.#draw();
  }

  #draw() {
    const highest = Math.max(1, ...this.#rates), step = 120 / (Math.max(10, this.#rates.length) - 1);
    const points = this.#rates.map((rate, n) => `${(120 - (this.#rates.length - 1 - n) * step).toFixed(1)} ${(23 - (rate / highest) * 21).toFixed(1)}`);
    if (points.length > 1) byId("spark").firstElementChild.setAttribute("d", `M${points.join(" ")}`);
  }

  #light({ ok, complete, offences }, figure) {
    const open = figure["not settled"];
    const about = `${count(figure.entries)} entries and ${count(figure["balances compared"])} balances of ${count(figure.accounts)} accounts were recomputed. `;
    if (!ok) {
      const more = figure.offences - offences.length;
      this.#show("bad", "The accounts do not balance", `${count(figure.offences)} ${figure.offences === 1 ? "thing is" : "things are"} wrong${more > 0 ? `; the first ${offences.length}` : ""}:`);
      byId("offences").replaceChildren(...offences.map((text) => el("li", {}, text)));
    } else {
      this.#show("ok", "The accounts balance", about + (complete ? "The input has ended, and every transfer is accounted for."
        : open > 0 ? `${count(open)} ${open === 1 ? "transfer is" : "transfers are"} not settled yet.` : "Every transfer is settled."));
    }
    byId("offences").hidden = ok;
  }

  #late() {
    const silent = Date.now() - this.#heard;
    if (this.#heard === 0 || silent < LATE || byId("light").dataset.state === "bad") return;
    this.#show("late", "The auditor is silent", `Its last word was ${count(Math.round(silent / 1000))} s ago: the accounts balanced then.`);
  }

  #show(state, title, text) {
    byId("light").dataset.state = state;
    say(byId("light-title"), title);
    say(byId("light-text"), text);
  }
}
