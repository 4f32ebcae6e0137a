// A line over what there is of the last five minutes, as small as a word. Zero is always at the bottom.

import { svg } from "./dom.js";

const WIDTH = 120, HEIGHT = 36, SHORTEST = 30_000;

export class Sparkline {
  #line = svg("path", { class: "line" });
  #area = svg("path", { class: "area" });

  constructor(name, unit) {
    Object.assign(this, { name, unit });
    this.node = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${name}: nothing yet` },
      this.#area, this.#line);
  }

  /** Draws a series of { at, value }; format writes a value. */
  draw(series, format) {
    if (series.length < 2) return;
    const end = series.at(-1).at, span = Math.max(SHORTEST, end - series[0].at), highest = Math.max(...series.map((p) => p.value));
    const x = (at) => (WIDTH * (1 - (end - at) / span)).toFixed(1);
    const y = (value) => (highest > 0 ? HEIGHT - 1 - (value / highest) * (HEIGHT - 4) : HEIGHT - 1).toFixed(1);
    const points = series.map((p) => `${x(p.at)} ${y(p.value)}`).join(" ");
    this.#line.setAttribute("d", `M${points}`);
    this.#area.setAttribute("d", `M${points} ${WIDTH} ${HEIGHT} ${x(series[0].at)} ${HEIGHT}Z`);
    const minutes = Math.max(1, Math.round((end - series[0].at) / 60_000));
    this.node.setAttribute("aria-label",
      `${this.name}, the last ${minutes === 1 ? "minute" : `${minutes} minutes`}: now ${format(series.at(-1).value)} ${this.unit}, at most ${format(highest)}`.trim());
  }
}
