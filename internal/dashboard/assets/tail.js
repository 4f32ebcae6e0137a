// The live tail: one stream, drawn at most ten times a second however many records come.

import { open } from "/sluice.js";
import { announce, el, put, say } from "./dom.js";
import { count, plural, seconds } from "./format.js";
import { shortcut } from "./keys.js";
import { model } from "./model.js";
import { showRecord } from "./recorddialog.js";
import { TailBuffer } from "./tailbuffer.js";
import { gapText, TailRows } from "./tailrows.js";
import { tailControls } from "./tailcontrols.js";

/** The eye sees no more than ten changes a second. */
const DRAW_EVERY = 100;

/** Makes the tail. chosen is told the topic that is shown. */
export function tail(parameters, chosen) {
  const controls = tailControls(parameters, begin, togglePause);
  const wrong = el("p", { class: "notice bad", role: "alert", hidden: true });
  const state = el("span"), figures = el("span"), gaps = el("span", { class: "warn", hidden: true }), foot = el("div", { class: "foot" });
  const body = el("tbody", { class: "mono" });
  const list = el("div", { class: "rows", role: "region", "aria-label": "Records, the newest first", tabindex: "0" },
    el("table", { "aria-label": "Records" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "time"), el("th", { scope: "col", class: "opt" }, "partition · offset"),
      el("th", { scope: "col" }, "key"), el("th", { scope: "col" }, "value"))), body));
  const node = el("section", { class: "tail", "aria-label": "Live records" },
    controls.node, wrong, el("p", { class: "status" }, state, figures, gaps), list, foot);

  const rows = new TailRows(body, openRecord);
  let stream = null, buffer = new TailBuffer(), rate = 0, sampled = { at: 0, records: 0 };
  let paused = false, shownUntil = 0, timer = 0, stopped = false, dialog = null;

  function begin() {
    stream?.close();
    const { topic, ...query } = controls.value();
    wrong.hidden = true;
    if (!topic) return;
    chosen(topic);
    buffer = new TailBuffer();
    rows.clear();
    resume();
    rate = 0;
    const mine = (stream = open({
      topics: topic, ...query, values: "text", // Each digit of a number as it was written.
      onRecord: (record) => { if (mine === stream) { buffer.add(record); later(); } },
      onGap: (gap) => {
        if (mine !== stream) return;
        buffer.addGap(gap);
        announce(gapText(gap));
        later();
      },
      onStalled: ({ partition, last_stable_offset: at }) => announce(`Partition ${partition} waits at offset ${at} for an open transaction.`),
      onState: (name, detail) => { if (mine === stream) tell(name, detail); },
    }));
    mine.done.then((error) => { if (error && mine === stream) fail(error); });
    later();
  }

  let mineSays = "";
  function tell(name, { reason, delay } = {}) {
    const texts = { connecting: "connecting…", open: "reading", live: "live", waiting: `${reason}; again in ${seconds((delay ?? 0) / 1000)}`, closed: "closed", failed: "ended" };
    mineSays = name;
    put(state, el("i", { class: `dot ${{ live: "good", open: "good", waiting: "warn", failed: "bad" }[name] ?? ""}` }), texts[name]);
    if (name === "waiting") announce(`The stream has ended: ${reason}. It is opened again.`);
  }

  function fail(error) {
    wrong.textContent = error.message;
    wrong.hidden = false;
    controls.invalid(error);
  }

  function later() {
    timer ||= setTimeout(() => requestAnimationFrame(draw), DRAW_EVERY);
  }

  function draw() {
    timer = 0;
    if (stopped) return;
    const now = performance.now();
    if (now - sampled.at > 2000) {
      rate = sampled.at === 0 || buffer.records < sampled.records ? 0 : ((buffer.records - sampled.records) * 1000) / (now - sampled.at);
      sampled = { at: now, records: buffer.records };
    }
    say(figures, `${plural(buffer.records, "record")}${rate >= 1 ? `, ${count(rate)}/s` : ""}${stream?.duplicates ? `, ${plural(stream.duplicates, "duplicate")} dropped` : ""}`);
    say(gaps, plural(buffer.gaps, "gap"));
    gaps.hidden = buffer.gaps === 0;
    if (!paused && !dialog) {
      rows.draw(buffer.entries);
      shownUntil = buffer.records;
    }
    const kept = buffer.entries.filter((e) => e.record).length;
    const behind = buffer.records - shownUntil;
    if (paused) say(foot, `Paused. ${count(behind)} more since.`);
    else if (buffer.records > kept) say(foot, `The last ${count(kept)}. ${count(buffer.records - kept)} more were counted before them.`);
    else if (buffer.records > 0) say(foot, "All that came is shown.");
    else say(foot, mineSays === "live" ? "Nothing has come yet. New records appear here." : "");
  }

  function resume() {
    paused = false;
    controls.paused(false);
    shownUntil = buffer.records;
  }

  function togglePause() {
    if (paused) resume();
    else {
      paused = true;
      controls.paused(true);
    }
    later();
  }

  function openRecord(record) {
    if (dialog) return;
    dialog = showRecord(record);
    dialog.addEventListener("close", () => { dialog = null; later(); });
  }

  const unbind = [shortcut("p", "Pause or resume the tail", togglePause), shortcut("/", "Filter the tail", () => controls.focusFilter())];
  const idle = setInterval(later, 2000); // The rate falls when nothing comes.
  return {
    node,
    update() {
      if (controls.offer(model.topics, model.groups ?? (model.groupsError ? [] : null)) && !stream) begin();
      if (!stream && model.topicsError) tell("failed");
      if (!stream && model.topics?.length === 0) say(foot, "There is no topic that may be read here.");
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      clearInterval(idle);
      stream?.close();
      dialog?.close();
      for (const u of unbind) u();
    },
  };
}
