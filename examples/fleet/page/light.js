// The checker's light: green, or red with what is wrong.

/** A checker speaks every second: one that says nothing for so long, in ms, may be dead. */
const SILENT = 6_000;
const number = new Intl.NumberFormat("en");

export class Light {
  #heard = -Infinity;
  #text = "";

  take(verdict, now) {
    if (typeof verdict?.ok !== "boolean") return;
    this.#heard = now;
    this.verdict = verdict;
  }

  figure(name) { return this.verdict?.figures?.find((f) => f.name === name)?.value ?? 0; }

  show(now) {
    const box = document.getElementById("checker"), list = document.getElementById("offences");
    if (!this.verdict) return;
    const silent = now - this.#heard > SILENT, { ok, complete, offences = [] } = this.verdict;
    box.dataset.light = !ok ? "red" : silent ? "none" : "green";
    this.#say("light", !ok ? `${number.format(this.figure("offences"))} found wrong` : silent ? "The checker is silent" : "Nothing lost, repeated or out of order");
    const waiting = this.figure("waiting");
    this.#say("accounted", `${number.format(this.figure("points"))} points checked, ${complete ? "all accounted for" : `${number.format(waiting)} on their way`}`);
    const text = offences.join("\n");
    if (text !== this.#text) {
      this.#text = text;
      list.replaceChildren(...offences.map((o) => Object.assign(document.createElement("li"), { textContent: o })));
      list.hidden = offences.length === 0;
    }
  }

  #say(id, text) {
    const element = document.getElementById(id);
    if (element.textContent !== text) element.textContent = text; // What is the same is not read out again.
  }
}
