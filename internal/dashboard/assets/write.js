// Writing one record, through this service.

import { send } from "./api.js";
import { el, put } from "./dom.js";
import { count } from "./format.js";
import { model } from "./model.js";

let kept = null;

/** Keeps a record for the form: what is not text, or what an input would change, is base64 there. */
export function draft(record) {
  const [key, key_encoding] = forInput(record.key, record.key_encoding), [value, encoding] = forInput(record.value, record.encoding, /\r/);
  const headers = (record.headers ?? []).map((h) => {
    const [text, as] = forInput(h.value, h.encoding);
    return { key: h.key, value: text, encoding: as };
  });
  kept = { topic: record.topic, key, key_encoding, value, encoding, headers };
}

/** Inputs drop line breaks, and text areas make carriage returns line feeds. */
function forInput(value, encoding, changed = /[\r\n]/) {
  if (value === null || value === undefined) return [null];
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (encoding || !changed.test(text)) return [text, encoding];
  return [btoa(Array.from(new TextEncoder().encode(text), (b) => String.fromCharCode(b)).join("")), "base64"];
}

export function write(main) {
  const topic = el("input", { name: "topic", required: true, list: "topics", spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  const names = el("datalist", { id: "topics" });
  const key = el("input", { name: "key", spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  const noKey = check("No key", true), keyIsBase64 = check("The key is base64", false);
  const value = el("textarea", { name: "value", spellcheck: "false", autocapitalize: "off", rows: "8" });
  const tombstone = check("No value (a tombstone: it deletes the key where the topic is compacted)", false), isBase64 = check("The value is base64", false);
  const headers = el("div", { class: "headers" });
  const wrong = el("p", { class: "notice bad", role: "alert", hidden: true }), written = el("p", { role: "status" });
  const button = el("button", { type: "submit", class: "main" }, "Write");
  const field = (title, input, ...more) => el("label", {}, el("span", {}, title), input, ...more);

  const form = el("form", { class: "form", onsubmit: submit },
    field("Topic", topic), names,
    el("div", { class: "field" }, field("Key", key), el("div", { class: "checks" }, noKey.label, keyIsBase64.label)),
    el("div", { class: "field" }, field("Value", value), el("div", { class: "checks" }, tombstone.label, isBase64.label)),
    el("div", { class: "field" }, el("span", { class: "hint" }, "Headers"), headers, el("div", {}, el("button", { type: "button", onclick: () => header().focus() }, "Add a header"))),
    wrong, written, el("div", { class: "bar-of-controls" }, button));
  put(main, el("div", { class: "title" }, el("h1", {}, "Write"), el("p", {}, "One record, with the right to write to its topic. Kafka has it when this page says so.")), el("section", {}, form));
  key.addEventListener("input", () => { noKey.box.checked = false; });
  value.addEventListener("input", () => { tombstone.box.checked = false; });

  function check(title, on) {
    const box = el("input", { type: "checkbox", checked: on });
    return { box, label: el("label", { class: "check" }, box, el("span", {}, title)) };
  }

  function header(name = "", text = "", encoding) {
    const input = el("input", { "aria-label": "Header's name", placeholder: "name", value: name, autocapitalize: "off", spellcheck: "false" });
    const row = el("div", {}, input, el("input", { "aria-label": "Header's value", placeholder: "value", value: text ?? "", autocapitalize: "off", spellcheck: "false" }),
      el("button", { type: "button", "aria-label": "Remove the header", onclick: () => row.remove() }, "Remove"));
    Object.assign(row, { encoding, absent: text === null });
    row.children[1].addEventListener("input", () => { row.absent = false; });
    headers.append(row);
    return input;
  }

  function body() {
    return {
      topic: topic.value.trim(),
      key: noKey.box.checked ? null : key.value,
      key_encoding: keyIsBase64.box.checked && !noKey.box.checked ? "base64" : undefined,
      value: tombstone.box.checked ? null : value.value,
      encoding: isBase64.box.checked && !tombstone.box.checked ? "base64" : undefined,
      headers: [...headers.children].map((row) => ({ key: row.children[0].value, value: row.absent ? null : row.children[1].value, encoding: row.absent ? undefined : row.encoding })),
    };
  }

  async function submit(event) {
    event.preventDefault();
    wrong.hidden = true;
    written.textContent = "";
    button.disabled = true;
    try {
      const answer = await send("POST", "/dashboard/records", body(), { timeout: 60_000 });
      put(written, el("span", { class: "good" }, `Written: ${answer.topic}, partition ${answer.partition}, offset ${count(answer.offset)}. `),
        el("a", { href: `#/now?topic=${encodeURIComponent(answer.topic)}` }, "Watch the topic"));
    } catch (error) {
      const known = { no: " It was not written.", unknown: " It may have been written." }[error.problem?.written] ?? (error.status === 0 ? " It may have been written." : "");
      wrong.textContent = `${error.message.replace(/\.$/, "")}.${known}`;
      wrong.hidden = false;
    } finally {
      button.disabled = false;
    }
  }

  if (kept) {
    topic.value = kept.topic;
    noKey.box.checked = kept.key === null;
    key.value = kept.key ?? "";
    keyIsBase64.box.checked = kept.key_encoding === "base64";
    tombstone.box.checked = kept.value === null;
    value.value = kept.value ?? "";
    isBase64.box.checked = kept.encoding === "base64";
    for (const h of kept.headers ?? []) header(h.key, h.value, h.encoding);
    kept = null;
  }
  return model.watch(() => {
    const all = (model.topics ?? []).map((t) => t.name);
    if (names.dataset.names === all.join()) return;
    names.dataset.names = all.join();
    put(names, all.map((name) => el("option", { value: name })));
    if (!topic.value && all.length === 1) topic.value = all[0];
  });
}
