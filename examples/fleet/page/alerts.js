// The list of alerts, the newest first. Rows stay what they are, so that the focus stays on one that is pointed at.

const MOST = 80;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

export class Alerts {
  newest = []; // not shown yet
  told = 0;
  chosen = "";

  constructor(list, onChoose) {
    this.list = list;
    list.addEventListener("click", (e) => { const id = e.target.closest("button")?.textContent; if (id) onChoose(id); });
  }

  take(alert) {
    if (typeof alert?.vehicle !== "string") return;
    this.told++;
    this.newest.push(alert);
    if (this.newest.length > MOST) this.newest.shift();
  }

  /** Shows what has come since. */
  show() {
    if (this.newest.length === 0) return;
    const top = this.list.scrollTop, before = this.list.scrollHeight;
    this.list.prepend(...this.newest.reverse().map((alert) => this.#row(alert)));
    this.newest = [];
    while (this.list.childElementCount > MOST) this.list.lastElementChild.remove();
    if (top > 0) this.list.scrollTop = top + this.list.scrollHeight - before; // Who reads further down is not moved.
  }

  mark(id) {
    this.chosen = id;
    for (const row of this.list.children) row.classList.toggle("chosen-one", row.dataset.vehicle === id);
  }

  #row(alert) {
    const row = document.createElement("li"), time = document.createElement("time"), button = document.createElement("button"), text = document.createElement("span");
    row.dataset.vehicle = alert.vehicle;
    row.classList.toggle("chosen-one", alert.vehicle === this.chosen);
    time.textContent = clock.format(alert.t);
    button.type = "button";
    button.className = "plain";
    button.textContent = alert.vehicle;
    text.textContent = words(alert);
    if (alert.kind === "speeding") text.className = "bad";
    row.append(time, button, text);
    return row;
  }
}

function words({ kind, zone, speed, limit }) {
  switch (kind) {
    case "enter": return `into ${zone}`;
    case "leave": return `out of ${zone}`;
    case "speeding": return `${Math.round(speed)} km/h, ${limit} allowed`;
    case "slowed": return `slowed to ${Math.round(speed)} km/h`;
    case "idle": return "idle";
    case "moving": return "moves again";
    default: return String(kind);
  }
}
