// The alerts of the last hour: those that are on, then those that have ended.

import { byId, clock, el, keep, percent, say } from "./dom.js";

const MOST = 60;

export class Alerts {
  #all = []; // The newest last: { service, begin, end, lines, errors }; end is null while it is on.

  /** Takes records of the topic alerts. */
  take(records) {
    for (const { value } of records) {
      if (typeof value?.service !== "string" || !Number.isInteger(value.at)) continue;
      const last = this.#all.findLast((a) => a.service === value.service);
      if (value.state === "begin") this.#all.push({ service: value.service, begin: value.at, end: null, lines: value.lines, errors: value.errors });
      else if (last && last.end === null) last.end = value.at;
    }
    if (this.#all.length > MOST) this.#all.splice(0, this.#all.length - MOST);
  }

  isOn(service) { return this.#all.some((a) => a.service === service && a.end === null); }

  /** The spans in which an alert is on, of one service or of any. */
  spans(service, edge) {
    return this.#all.filter((a) => service === null || a.service === service).map((a) => [a.begin, a.end ?? edge]);
  }

  draw() {
    const shown = [...this.#all].sort((a, b) => (a.end !== null) - (b.end !== null) || b.begin - a.begin);
    const list = byId("alerts");
    if (shown.length === 0) {
      list.replaceChildren(el("li", { class: "empty" }, "None in the last hour."));
      return;
    }
    list.querySelector(".empty")?.remove();
    keep(list, shown, (a) => `${a.service} ${a.begin}`,
      () => el("li", {}, el("span", { class: "what" }), el("span", { class: "dim" })),
      (li, a) => {
        li.classList.toggle("on", a.end === null);
        say(li.firstChild, `${a.service}: ${percent(a.errors, a.lines)} errors`);
        say(li.lastChild, a.end === null ? `since ${clock(a.begin * 1000)}` : `${clock(a.begin * 1000)}, ${a.end - a.begin} s`);
      });
  }
}
