// Lines per second as stacked bars: errors at the bottom, where the eye compares them, then warnings, then the rest.

import { clock, count } from "./dom.js";

const PAD = { left: 44, right: 14, top: 8, bottom: 18 };

export class Chart {
  #canvas; #told; #series = []; #alerts = []; #pointed = -1;

  constructor(canvas, told) {
    this.#canvas = canvas;
    this.#told = told;
    canvas.addEventListener("pointermove", (e) => this.#point(e.offsetX));
    canvas.addEventListener("pointerleave", () => this.#point(-1));
    new ResizeObserver(() => this.#paint()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint());
  }

  /** Draws seconds; alerts are spans [from, to] in which one is on. */
  draw(series, alerts, name) {
    this.#series = series;
    this.#alerts = alerts;
    const last = series.at(-1), most = Math.max(...series.map((s) => s.lines));
    this.#canvas.dataset.newest = last.at;
    this.#canvas.setAttribute("aria-label", `Lines per second of ${name}, the last ${series.length / 60} minutes: now ${last.lines}, of them ${last.error} errors; at most ${most}`);
    this.#paint();
  }

  #point(x) {
    const width = this.#canvas.clientWidth - PAD.left - PAD.right;
    this.#pointed = x < PAD.left || x > PAD.left + width ? -1 : Math.floor(((x - PAD.left) / width) * this.#series.length);
    this.#paint();
  }

  #paint() {
    const series = this.#series, canvas = this.#canvas, scale = devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (series.length === 0 || width === 0) return;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const g = canvas.getContext("2d"), style = getComputedStyle(canvas), colour = (name) => style.getPropertyValue(`--${name}`);
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, width, height);
    const top = nice(Math.max(4, ...series.map((s) => s.lines)));
    const w = width - PAD.left - PAD.right, h = height - PAD.top - PAD.bottom, bar = w / series.length;
    const y = (n) => PAD.top + h * (1 - n / top);
    g.font = `11px ${style.fontFamily}`;
    g.lineWidth = 1;
    for (const n of [0, top / 2, top]) {
      g.strokeStyle = colour("line");
      g.beginPath();
      g.moveTo(PAD.left, Math.round(y(n)) + 0.5);
      g.lineTo(width - PAD.right, Math.round(y(n)) + 0.5);
      g.stroke();
      g.fillStyle = colour("soft");
      g.textAlign = "right";
      g.fillText(count(n), PAD.left - 7, y(n) + 4);
    }
    g.textAlign = "center";
    for (let n = series.length - 1; n >= 0; n -= 60) {
      const at = PAD.left + (n + 0.5) * bar;
      g.textAlign = n === series.length - 1 ? "right" : "center";
      g.fillText(clock(series[n].at * 1000), n === series.length - 1 ? width - PAD.right : at, height - 4);
    }
    series.forEach((s, n) => {
      const x = PAD.left + n * bar;
      let below = 0;
      for (const [name, part] of [["bad", s.error], ["warn", s.warn], ["bar", s.lines - s.error - s.warn]]) {
        if (part <= 0) continue;
        g.fillStyle = colour(name);
        g.globalAlpha = this.#pointed === -1 || this.#pointed === n ? 1 : 0.55;
        g.fillRect(x, y(below + part), Math.max(1, bar - 0.6), y(below) - y(below + part));
        below += part;
      }
    });
    g.globalAlpha = 1;
    g.fillStyle = colour("bad");
    for (const [from, to] of this.#alerts) {
      const a = Math.max(0, from - series[0].at), b = Math.min(series.length, to - series[0].at + 1);
      if (b > a) g.fillRect(PAD.left + a * bar, 2, (b - a) * bar, 3);
    }
    const shown = series[this.#pointed];
    const text = shown ? `${clock(shown.at * 1000)}: ${count(shown.lines)} lines, ${count(shown.warn)} warnings, ${count(shown.error)} errors` : "";
    if (this.#told.textContent !== text) this.#told.textContent = text;
  }
}

/** The next number above n that is easy to read. */
function nice(n) {
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((m) => m * power).find((m) => m >= n);
}
