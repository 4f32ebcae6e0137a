// Keys and values of records as text that can be looked at: nothing in them acts, and what would not show is written out.

/** What record.AppendText writes as \xNN: controls, line and paragraph separators, and what turns the direction of text. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const HIDDEN_IN_LINES = new RegExp(HIDDEN.source.replace("\\u0000-\\u001f", "\\u0000-\\u0009\\u000b-\\u001f"), "g");
const encoder = new TextEncoder();
const hex = (bytes) => Array.from(bytes, (b) => `\\x${b.toString(16).padStart(2, "0")}`).join("");

/**
 * What a value of the wire is: { text } as it was written, { bytes } of what is not UTF-8, or { absent } for null.
 * A value that came as JSON and not as its text is written anew.
 */
export function content(value, encoding) {
  if (value === null || value === undefined) return { absent: true };
  if (encoding === "base64") return { bytes: Uint8Array.from(atob(value), (c) => c.charCodeAt(0)) };
  return { text: typeof value === "string" ? value : JSON.stringify(value) };
}

/** Its size in bytes. */
export function size({ text, bytes }) {
  return text === undefined ? (bytes?.length ?? 0) : encoder.encode(text).length;
}

/** The first characters of it as pieces, { text } or { hidden }, and whether there is more. In lines, a line feed is one. */
export function pieces(what, most = Infinity, inLines = false) {
  if (what.text !== undefined) return { list: ofText(what.text.slice(0, most), inLines ? HIDDEN_IN_LINES : HIDDEN), more: what.text.length > most };
  const list = ofBytes(what.bytes.subarray(0, most));
  return { list, more: what.bytes.length > most };
}

function ofText(text, hidden = HIDDEN) {
  const list = [];
  let start = 0;
  for (const match of text.matchAll(hidden)) {
    if (match.index > start) list.push({ text: text.slice(start, match.index) });
    list.push({ hidden: hex(encoder.encode(match[0])) });
    start = match.index + match[0].length;
  }
  if (start < text.length) list.push({ text: text.slice(start) });
  return list;
}

function ofBytes(bytes) {
  const list = [];
  let start = 0, at = 0;
  const flush = () => {
    if (at > start) list.push(...ofText(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start, at))));
  };
  while (at < bytes.length) {
    const length = sequence(bytes, at);
    if (length > 0) { at += length; continue; }
    flush();
    list.push({ hidden: hex([bytes[at]]) });
    start = ++at;
  }
  flush();
  return list;
}

/** The length of the UTF-8 sequence at a place, 0 where there is none (The Unicode Standard, table 3-7). */
function sequence(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  const low = { 0xe0: 0xa0, 0xf0: 0x90 }[first] ?? 0x80, high = { 0xed: 0x9f, 0xf4: 0x8f }[first] ?? 0xbf;
  for (let n = 1; n < length; n++) {
    const b = bytes[at + n];
    if (b === undefined || b < (n === 1 ? low : 0x80) || b > (n === 1 ? high : 0xbf)) return 0;
  }
  return length;
}

const FIELD = /"(?:[^"\\]|\\.)*"(?=\s*:)/g;

/** The pieces as nodes; the names of members stand out where the text looks like JSON. */
export function nodes(list) {
  const json = /^\s*[[{]/.test(list[0]?.text ?? "");
  return list.flatMap(({ text, hidden }) => {
    if (hidden !== undefined) return span("hidden-char", hidden);
    if (!json) return text;
    const parts = [];
    let start = 0;
    for (const match of text.matchAll(FIELD)) {
      parts.push(text.slice(start, match.index), span("field-name", match[0]));
      start = match.index + match[0].length;
    }
    return [...parts, text.slice(start)];
  });
}

function span(kind, text) {
  const node = document.createElement("span");
  node.className = kind;
  node.textContent = text;
  return node;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** JSON with a line for each member, every digit of its numbers kept; null where it is not JSON. */
export function indented(text) {
  try { JSON.parse(text); } catch { return null; }
  let depth = 0, out = "", last = "";
  const line = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "}" || token === "]") {
      depth--;
      if (last !== "{" && last !== "[") out += line();
    } else if (last === "{" || last === "[" || last === ",") out += line();
    out += token === ":" ? ": " : token;
    if (token === "{" || token === "[") depth++;
    last = token;
  }
  return out;
}
