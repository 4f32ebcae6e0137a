// What the tail shows: topic, filter, key, and where it begins.

import { el, put } from "./dom.js";

const STARTS = [["now", "from now"], ["-1m", "1 minute ago"], ["-15m", "15 minutes ago"], ["-1h", "1 hour ago"], ["-24h", "1 day ago"], ["earliest", "from the beginning"], ["at", "at a time…"]];

/** begin is called when something else is asked for, pause when the button is pressed. */
export function tailControls(parameters, begin, pause) {
  const topic = el("select", { "aria-label": "Topic", onchange: begin });
  const filter = el("input", { class: "filter", "aria-label": "Filter, an expression in CEL", placeholder: "filter: value.total > 100", spellcheck: "false", autocapitalize: "off", maxlength: "1024", onchange: changed, onkeydown: entered });
  const key = el("input", { class: "key", "aria-label": "Only this key", placeholder: "key", spellcheck: "false", autocapitalize: "off", onchange: changed, onkeydown: entered });
  const from = el("select", { "aria-label": "Begin", onchange: started }, STARTS.map(([value, text]) => el("option", { value }, text)));
  const at = el("input", { type: "datetime-local", step: "1", "aria-label": "Begin at this time", hidden: true, onchange: () => at.value && begin() });
  const button = el("button", { type: "button", class: "main", "aria-pressed": "false", title: "p", onclick: pause }, "Pause");
  const wanted = parameters.get("topic") ?? "";
  let last = "";

  /** Enter asks again, with the same text too. */
  function entered(event) {
    if (event.key !== "Enter") return;
    last = text();
    begin();
  }
  function changed() {
    if (text() === last) return;
    last = text();
    begin();
  }
  const text = () => `${filter.value}\n${key.value}`;

  function started() {
    at.hidden = from.value !== "at";
    if (at.hidden) begin();
    else at.focus();
  }

  return {
    node: el("div", { class: "bar-of-controls" }, el("h2", {}, "Live"), topic, filter, key, from, at, button),
    focusFilter() { filter.focus(); },
    invalid(error) { filter.setAttribute("aria-invalid", String(error.status === 422 && filter.value !== "")); },
    paused(is) {
      button.textContent = is ? "Resume" : "Pause";
      button.setAttribute("aria-pressed", String(is));
    },
    /** Offers the topics, when both are known, and chooses one that a handler reads; says whether one is chosen. */
    offer(topics, groups) {
      if (!topics || !groups) return false;
      const handled = new Set(groups.flatMap((g) => g.topics ?? []));
      const names = topics.map((t) => t.name);
      if (topic.dataset.names !== JSON.stringify(names)) {
        const chosen = topic.value || wanted || names.find((name) => handled.has(name)) || names[0] || "";
        if (chosen && !names.includes(chosen)) names.unshift(chosen); // The stream says what is wrong with it.
        topic.dataset.names = JSON.stringify(topics.map((t) => t.name));
        put(topic, names.map((name) => el("option", { value: name, selected: name === chosen }, name)));
      }
      return topic.value !== "";
    },
    value() {
      filter.removeAttribute("aria-invalid");
      const time = at.value ? new Date(at.value).toISOString() : "now";
      return { topic: topic.value, filter: filter.value.trim() || undefined, key: key.value === "" ? undefined : key.value, from: from.value === "at" ? time : from.value };
    },
  };
}
