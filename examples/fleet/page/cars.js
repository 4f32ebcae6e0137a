// The vehicles: the newest track of each, drawn once a frame however many records have come.
import { drawLabels } from "./ground.js";

/** A vehicle that says nothing for so long, in ms, is shown as silent, and later not at all. */
const SILENT = 12_000, GONE = 120_000;
const kinds = ["silent", "standing", "moving", "speeding"]; // in the order in which they are drawn

export class Cars {
  all = new Map(); // id → vehicle
  points = 0; dropped = 0; // as the records that were seen say
  counts = { moving: 0, standing: 0, speeding: 0, silent: 0 };
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  /** Takes in a track; partition is where the vehicle's positions are, too. */
  take(track, now) {
    if (typeof track?.id !== "string" || !Number.isFinite(track.x) || !Number.isFinite(track.y)) return;
    let v = this.all.get(track.id);
    if (!v) {
      v = { x: track.x, y: track.y, fromX: track.x, fromY: track.y, begin: now, lasts: 2000 };
      this.all.set(track.id, v);
    } else if (track.t !== v.track.t) {
      this.#place(v, now);
      // What has come at once was caught up: only what comes bit by bit says how often a vehicle speaks.
      const gap = now - v.begin;
      if (gap > 50) v.lasts = Math.min(5000, 0.7 * v.lasts + 0.3 * gap);
      Object.assign(v, { fromX: v.x, fromY: v.y, begin: now });
      if (Math.hypot(track.x - v.x, track.y - v.y) > 500) Object.assign(v, { fromX: track.x, fromY: track.y });
    }
    Object.assign(v, { track, heard: now });
    this.points++;
  }

  /** Where a vehicle is drawn: on its way from where it was to its last point. */
  #place(v, now) {
    const part = this.#still.matches ? 1 : Math.min(1, (now - v.begin) / v.lasts);
    v.x = v.fromX + (v.track.x - v.fromX) * part;
    v.y = v.fromY + (v.track.y - v.fromY) * part;
  }

  kind(v, now) {
    if (now - v.heard > SILENT) return "silent";
    return v.track.speeding ? "speeding" : v.track.speed < 2 ? "standing" : "moving";
  }

  /** The vehicle that is nearest to a place, within so many metres. */
  near({ x, y }, within) {
    let best = null;
    for (const [id, v] of this.all) {
      const d = Math.hypot(v.x - x, v.y - y);
      if (d < within) [best, within] = [id, d];
    }
    return best;
  }

  draw(canvas, city, view, colour, now, chosen, trail) {
    const w = Math.round(view.width * view.ratio), h = Math.round(view.height * view.ratio);
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const c = canvas.getContext("2d");
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, w, h);
    view.apply(c);
    const v = this.all.get(chosen);
    if (trail) trail.draw(c, view, colour, v);
    const paths = { moving: new Path2D(), standing: new Path2D(), speeding: new Path2D(), silent: new Path2D() };
    const counts = { moving: 0, standing: 0, speeding: 0, silent: 0 };
    const size = Math.min(11, Math.max(2.4, 3.4 * Math.sqrt(view.scale / 0.1))) / view.scale;
    const left = view.place(0, 0), right = view.place(view.width, view.height);
    this.dropped = 0;
    for (const [id, v] of this.all) {
      if (now - v.heard > GONE) { this.all.delete(id); continue; }
      this.dropped += v.track.stale + v.track.duplicates;
      this.#place(v, now);
      const kind = this.kind(v, now);
      counts[kind]++;
      if (v.x < left.x - size || v.x > right.x + size || v.y < left.y - size || v.y > right.y + size) continue;
      arrow(paths[kind], v.x, v.y, v.track.heading * Math.PI / 180, kind === "speeding" ? size * 1.25 : size, v.track.speed < 2);
    }
    this.counts = counts;
    c.strokeStyle = colour.land;
    c.lineWidth = 0.8 / view.scale;
    for (const kind of kinds) {
      c.fillStyle = colour[kind];
      c.fill(paths[kind]);
      if (view.scale > 0.14) c.stroke(paths[kind]);
    }
    drawLabels(c, city, view, colour);
    if (v) ring(c, v, view, colour, chosen);
  }
}

/** A triangle that points to where the vehicle goes; a square, where it stands. */
function arrow(path, x, y, heading, size, stands) {
  const dx = Math.sin(heading) * size, dy = -Math.cos(heading) * size;
  if (stands) {
    const s = size * 0.6;
    path.rect(x - s, y - s, 2 * s, 2 * s);
    return;
  }
  path.moveTo(x + dx * 1.35, y + dy * 1.35);
  path.lineTo(x - dx * 0.8 - dy * 0.8, y - dy * 0.8 + dx * 0.8);
  path.lineTo(x - dx * 0.8 + dy * 0.8, y - dy * 0.8 - dx * 0.8);
  path.closePath();
}

function ring(c, v, view, colour, id) {
  view.apply(c);
  c.beginPath();
  c.arc(v.x, v.y, 12 / view.scale, 0, 2 * Math.PI);
  c.strokeStyle = colour.ink;
  c.lineWidth = 2 / view.scale;
  c.stroke();
  c.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  const px = view.width / 2 + (v.x - view.x) * view.scale + 17, py = view.height / 2 + (v.y - view.y) * view.scale;
  c.font = "600 12.5px ui-monospace, Menlo, monospace";
  c.textBaseline = "middle";
  c.textAlign = "left";
  c.lineWidth = 4;
  c.lineJoin = "round";
  c.strokeStyle = colour.halo;
  c.strokeText(id, px, py);
  c.fillStyle = colour.ink;
  c.fillText(id, px, py);
}
