// What part of the city is seen: moved by mouse, touch and keyboard.

/** A view turns metres of the city into pixels of the canvas, and says when it has changed. */
export class View {
  scale = 0.1; // pixels of CSS a metre
  x = 0; y = 0; // the place in the middle
  width = 0; height = 0; // of the canvas, in pixels of CSS
  ratio = 1; // device pixels a pixel of CSS; more than two are not worth a phone's time
  #fitted = true;

  constructor(canvas, city, onChange) {
    Object.assign(this, { canvas, city, onChange });
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.#listen();
    this.resize();
  }

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    Object.assign(this, { width, height, ratio: Math.min(2, devicePixelRatio || 1) });
    if (this.#fitted) this.fit(); else this.#moved();
  }

  /** Shows the whole city. */
  fit() {
    this.#fitted = true;
    this.x = this.city.width / 2;
    this.y = this.city.height / 2;
    this.scale = this.#least();
    this.onChange();
  }

  /** Brings a place into the middle, near enough to see what is around. */
  show(x, y) {
    this.scale = Math.max(this.scale, 4 * this.#least());
    Object.assign(this, { x, y });
    this.#moved();
  }

  /** Zooms about a pixel, by default the middle. */
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const before = this.place(px, py);
    this.scale = Math.min(2, Math.max(this.#least(), this.scale * factor));
    this.x = before.x - (px - this.width / 2) / this.scale;
    this.y = before.y - (py - this.height / 2) / this.scale;
    this.#moved();
  }

  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.#moved();
  }

  place(px, py) { return { x: this.x + (px - this.width / 2) / this.scale, y: this.y + (py - this.height / 2) / this.scale }; }

  /** Has the canvas drawn in metres. */
  apply(context) {
    const k = this.scale * this.ratio;
    context.setTransform(k, 0, 0, k, (this.width / 2 - this.x * this.scale) * this.ratio, (this.height / 2 - this.y * this.scale) * this.ratio);
  }

  #least() { return Math.max(0.01, Math.min(this.width / this.city.width, this.height / this.city.height)); }

  #moved() {
    this.#fitted = this.scale <= this.#least() * 1.0001;
    if (this.#fitted) Object.assign(this, { x: this.city.width / 2, y: this.city.height / 2 });
    this.x = Math.min(this.city.width, Math.max(0, this.x));
    this.y = Math.min(this.city.height, Math.max(0, this.y));
    this.onChange();
  }

  #listen() {
    const { canvas } = this, fingers = new Map();
    let pulled = 0;
    const at = (e) => { const box = canvas.getBoundingClientRect(); return { x: e.clientX - box.left, y: e.clientY - box.top }; };
    canvas.addEventListener("pointerdown", (e) => {
      canvas.setPointerCapture(e.pointerId);
      if (fingers.size === 0) pulled = 0;
      fingers.set(e.pointerId, at(e));
    });
    canvas.addEventListener("pointermove", (e) => {
      const before = fingers.get(e.pointerId);
      if (!before) return;
      const now = at(e), other = [...fingers].find(([id]) => id !== e.pointerId)?.[1];
      pulled += Math.hypot(now.x - before.x, now.y - before.y);
      if (other) { // Two fingers: what is between them stays there.
        const apart = (p) => Math.max(10, Math.hypot(p.x - other.x, p.y - other.y));
        this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
        this.zoom(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
      } else if (pulled > 4) this.pan(now.x - before.x, now.y - before.y);
      fingers.set(e.pointerId, now);
    });
    const up = (e) => {
      const click = fingers.size === 1 && pulled <= 4 && e.type === "pointerup";
      if (fingers.delete(e.pointerId) && click) this.onPick?.(this.place(at(e).x, at(e).y), 14 / this.scale);
    };
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) canvas.addEventListener(type, up);
    canvas.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.zoom(Math.exp(-e.deltaY * (e.ctrlKey ? 0.01 : e.deltaMode ? 0.05 : 0.0016)), at(e).x, at(e).y);
    }, { passive: false });
    canvas.addEventListener("keydown", (e) => {
      const step = 60, act = {
        ArrowLeft: () => this.pan(step, 0), ArrowRight: () => this.pan(-step, 0), ArrowUp: () => this.pan(0, step), ArrowDown: () => this.pan(0, -step),
        "+": () => this.zoom(1.4), "=": () => this.zoom(1.4), "-": () => this.zoom(1 / 1.4), 0: () => this.fit(),
      }[e.key];
      if (!act || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      act();
    });
  }
}
