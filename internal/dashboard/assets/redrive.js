// Redriving: first a dry run, which says what would be done; then the redrive, watched to its end.

import { get, send } from "./api.js";
import { announce, el, put } from "./dom.js";
import { count, plural } from "./format.js";
import { poll } from "./poll.js";

const CLASSES = ["", "decode", "permanent", "exhausted", "panic", "timeout"];

/** ended is called when a redrive has come to its end. */
export function redrive(ended) {
  const topic = el("select", { name: "topic" }, el("option", { value: "" }, "all"));
  const kind = el("select", { name: "class" }, CLASSES.map((c) => el("option", { value: c }, c || "any")));
  const key = el("input", { name: "key", spellcheck: "false", autocapitalize: "off" });
  const since = el("input", { name: "since", type: "datetime-local", step: "1" }), until = el("input", { name: "until", type: "datetime-local", step: "1" });
  const limit = el("input", { name: "limit", type: "number", min: "1", placeholder: "no limit" });
  const rate = el("input", { name: "rate", type: "number", min: "0.001", step: "any", placeholder: "as fast as it goes" });
  const replays = el("input", { name: "max_replays", type: "number", min: "1", placeholder: "5" });
  const dry = el("button", { type: "submit", class: "main" }, "Dry run");
  const go = el("button", { type: "button", hidden: true, class: "main", onclick: () => run(false) }, "Redrive");
  const halt = el("button", { type: "button", hidden: true, class: "danger", onclick: stopIt }, "Stop");
  const wrong = el("p", { class: "notice bad", role: "alert", hidden: true }), result = el("div", { "aria-live": "polite" });
  const field = (title, input) => el("label", {}, el("span", {}, title), input);
  const form = el("form", { class: "form", oninput: stale, onsubmit: (event) => { event.preventDefault(); run(true); } },
    el("div", { class: "row" }, field("Topic", topic), field("Reason", kind), field("Key, exactly", key)),
    el("div", { class: "row" }, field("Last failure since", since), field("until", until)),
    el("div", { class: "row" }, field("At most, records", limit), field("Records a second", rate), field("Redriven before, fewer times than", replays)),
    wrong, result, el("div", { class: "bar-of-controls" }, dry, go, halt));
  const node = el("section", { hidden: true }, el("h2", {}, "Redrive"), form);
  let group = "", id = "", watch = null;

  const base = () => `/groups/${encodeURIComponent(group)}/redrives`;
  const time = (input) => (input.value ? new Date(input.value).toISOString() : undefined);
  const number = (input) => (input.value ? Number(input.value) : undefined);

  function request(dryRun) {
    return { topic: topic.value || undefined, class: kind.value || undefined, key: key.value || undefined, since: time(since), until: time(until),
      limit: number(limit), rate: number(rate), max_replays: number(replays), dry_run: dryRun || undefined };
  }

  async function run(dryRun) {
    wrong.hidden = true;
    dry.disabled = go.disabled = true;
    try {
      const status = await send("POST", base(), request(dryRun));
      id = status.id;
      draw(status);
      if (status.state === "running") follow();
    } catch (error) {
      wrong.textContent = error.message;
      wrong.hidden = false;
    } finally {
      dry.disabled = go.disabled = false;
    }
  }

  /** A dry run is of what was asked for: another request has to be tried anew. */
  function stale() {
    go.hidden = true;
    dry.classList.add("main");
  }

  function follow() {
    watch?.stop();
    watch = poll(1000, async () => draw(await get(`${base()}/${encodeURIComponent(id)}`)), (error) => {
      wrong.textContent = error.message;
      wrong.hidden = false;
    });
  }

  function draw(status) {
    const { counts: c, reasons, state, request: asked } = status;
    const running = state === "running", done = asked.dry_run ? "would be redriven" : "redriven";
    const passed = [["already redriven", c.already_redriven], ["left by a filter", c.skipped_by_filter], ["left by the loop guard", c.skipped_by_guard], ["no dead letters of this group", c.foreign]];
    put(result,
      el("p", { class: "counts" }, el("span", {}, `${asked.dry_run ? "Dry run" : "Redrive"} ${{ done: "done", running: "running", taken_over: "taken over by another one" }[state] ?? state}`),
        el("span", {}, done, el("b", {}, count(c.redriven))), passed.filter(([, n]) => n > 0).map(([name, n]) => el("span", { class: "dim" }, name, el("b", {}, count(n))))),
      status.error ? el("p", { class: "notice" }, status.error) : null,
      reasons ? el("p", { class: "note" }, [...reasons.classes, ...reasons.messages].map((r) => `${r.value}: ${count(r.count)}`).join(" · ")) : null);
    go.hidden = running || !asked.dry_run || state !== "done" || c.redriven === 0;
    dry.classList.toggle("main", go.hidden); // One thing to do next.
    go.textContent = `Redrive ${plural(c.redriven, "record")}`;
    halt.hidden = !running;
    if (running) return;
    watch?.stop();
    if (asked.dry_run) return;
    announce(`The redrive has ended: ${plural(c.redriven, "record")} redriven.`);
    ended();
  }

  async function stopIt() {
    try {
      draw(await send("DELETE", `${base()}/${encodeURIComponent(id)}`));
    } catch (error) {
      wrong.textContent = error.message;
      wrong.hidden = false;
    }
  }

  return {
    node,
    /** Says of which group it is. */
    choose(name) {
      if (name !== group) { node.hidden = true; watch?.stop(); put(result); }
      group = name;
    },
    /** Offers the topics of the group's letters. */
    offer(topics) {
      if (topic.options.length - 1 < topics.length) put(topic, el("option", { value: "" }, "all"), topics.map((t) => el("option", { value: t }, t)));
    },
    /** Shows the form for a reason. */
    open({ class: reason }) {
      node.hidden = false;
      kind.value = reason;
      stale();
      put(result);
      dry.focus();
      node.scrollIntoView({ block: "nearest" });
    },
    stop() { watch?.stop(); },
  };
}
