// One record, whole.

import { el, put } from "./dom.js";
import { bytes, exact } from "./format.js";
import { model } from "./model.js";
import { content, indented, nodes, pieces, size } from "./text.js";
import { draft } from "./write.js";

/** What is drawn of a value, in characters; Copy takes all of it. */
const MOST = 1 << 20;

/** A key or a value as it is, with what is to be known of it. */
function shown(what, empty) {
  if (what.absent) return el("span", { class: "dim" }, empty);
  if (size(what) === 0) return el("span", { class: "dim" }, "empty");
  return [nodes(pieces(what, MOST).list), what.bytes ? el("span", { class: "dim" }, " (not UTF-8)") : null];
}

/** Opens a dialog with a record of the wire: { topic, partition, offset, timestamp, key, headers, value … }. */
export function showRecord(record) {
  const value = content(record.value, record.encoding), key = content(record.key, record.key_encoding);
  const lines = value.text === undefined ? null : indented(value.text);
  const text = el("pre", { tabindex: "0", "aria-label": "Value" });
  const more = size(value) > MOST ? el("p", { class: "note" }, `The first ${bytes(MOST)} of ${bytes(size(value))}.`) : null;
  let pretty = lines !== null && lines.length < MOST;
  const draw = () => put(text, pretty ? nodes(pieces({ text: lines }, MOST, true).list) : shown(value, "null (tombstone)"));
  const toggle = el("button", { type: "button", "aria-pressed": String(pretty), onclick: () => {
    pretty = !pretty;
    toggle.setAttribute("aria-pressed", String(pretty));
    draw();
  } }, "Indent");
  const copy = el("button", { type: "button", hidden: !navigator.clipboard, onclick: async () => {
    await navigator.clipboard.writeText(value.text ?? record.value ?? "");
    copy.textContent = "Copied";
  } }, value.bytes ? "Copy as base64" : "Copy the value");
  const again = el("button", { type: "button", onclick: () => {
    draft(record);
    dialog.close();
    location.hash = "#/write";
  } }, "Write again…");
  const dialog = el("dialog", { "aria-label": `Record ${record.topic} ${record.partition} ${record.offset}`, onclose: () => dialog.remove() },
    el("div", { class: "bar-of-controls" }, el("h2", {}, `${record.topic} · partition ${record.partition} · offset ${record.offset}`),
      lines === null ? null : toggle, copy, model.state?.can_write ? again : null,
      el("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    el("dl", {},
      el("dt", {}, "time"), el("dd", { class: "mono" }, exact(record.timestamp)),
      el("dt", {}, "key"), el("dd", { class: "mono" }, shown(key, "none")),
      el("dt", {}, "value"), el("dd", {}, value.absent ? "none" : `${bytes(size(value))}${value.bytes ? ", not UTF-8" : ""}`),
      (record.headers ?? []).map((h) => [el("dt", {}, "header ", nodes(pieces({ text: h.key }).list)), el("dd", { class: "mono" }, shown(content(h.value, h.encoding), "null"))])),
    text, more);
  draw();
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
