// Where a vehicle has been: its positions of the last minutes, replayed from Kafka, and then as they come.
import { open } from "/sluice.js";

/** How many points are kept, and how many of them were late. */
const MOST = 1200;

export class Trail {
  line = []; // in the order of the event time
  late = []; // not newer than one that had come before, and so dropped
  #last = -Infinity;

  /** onChange(text) says what is there. A vehicle's positions and its track are in partitions of the same number. */
  constructor(topic, id, partition, onChange) {
    let live = false;
    const say = () => onChange(`${this.line.length} points of the last ten minutes${this.late.length ? `, ${this.late.length} late or twice` : ""}${live ? "" : " … replaying"}`);
    this.stream = open({
      topics: topic, key: id, partition, from: "-10m",
      onRecords: (records) => { for (const r of records) this.#take(r.value); say(); },
      onState: (state) => { if (state === "live") live = true; if (state === "failed") onChange("the history cannot be read"); else say(); },
    });
  }

  #take(p) {
    if (!Number.isFinite(p?.t) || !Number.isFinite(p.x) || !Number.isFinite(p.y)) return; // Malformed: it is a dead letter.
    if (p.t > Date.now() + 3_600_000 || p.x < 0 || p.y < 0) return;
    const list = p.t > this.#last ? this.line : this.late;
    this.#last = Math.max(this.#last, p.t);
    if (list.push(p) > MOST) list.shift();
  }

  draw(c, view, colour, v) {
    c.lineJoin = c.lineCap = "round";
    c.strokeStyle = colour.accent;
    const n = this.line.length, part = Math.max(1, Math.ceil(n / 12));
    for (let i = 0; i < n - 1; i += part) { // The older, the paler.
      c.globalAlpha = 0.25 + 0.75 * (i + part) / (n + part);
      c.lineWidth = 3 / view.scale;
      c.beginPath();
      for (const p of this.line.slice(i, i + part + 1)) {
        // The last point is where the vehicle is going to be: it is drawn on its way there.
        if (v && p === this.line[n - 1]) c.lineTo(v.x, v.y); else c.lineTo(p.x, p.y);
      }
      c.stroke();
    }
    c.globalAlpha = 0.9;
    c.lineWidth = 1.3 / view.scale;
    c.beginPath();
    for (const p of this.late) { c.moveTo(p.x + 3 / view.scale, p.y); c.arc(p.x, p.y, 3 / view.scale, 0, 2 * Math.PI); }
    c.stroke();
    c.globalAlpha = 1;
  }

  close() { this.stream.close(); }
}
