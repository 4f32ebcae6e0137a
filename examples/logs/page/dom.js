// Elements, made without markup: whatever comes from a record is text and stays text.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** Makes an element with attributes and children; null, undefined and false are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = tag === "svg" || tag === "path" ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return node;
}

/** Sets a text where it is another one, so that what has not changed is not drawn, or read out, again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Keeps the children of a node in step with items, so that focus and selection stay. update gets a child and its item. */
export function keep(parent, items, keyOf, make, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, n) => {
    const key = keyOf(item), child = old.get(key) ?? make(item);
    old.delete(key);
    child.dataset.key = key;
    update(child, item);
    if (parent.children[n] !== child) parent.insertBefore(child, parent.children[n] ?? null);
  });
  for (const child of old.values()) child.remove();
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const two = (n) => String(n).padStart(2, "0");

export const count = (n) => whole.format(n);
export const rate = (n) => (n > 0 && n < 10 ? tenths.format(n) : whole.format(n));
export const percent = (part, all) => (all > 0 ? `${rate((100 * part) / all)} %` : "–");

/** Milliseconds as people say them: 12 ms, 1.4 s. */
export const millis = (n) => (!n ? "–" : n < 10 ? `${tenths.format(n)} ms` : n < 1000 ? `${whole.format(n)} ms` : `${tenths.format(n / 1000)} s`);

/** The time of day; with its date where that is not today. */
export function clock(ms, fraction = false) {
  const d = new Date(ms);
  if (Number.isNaN(d.getTime())) return "–";
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  if (d.toDateString() !== new Date().toDateString()) return `${d.getDate()} ${d.toLocaleString("en", { month: "short" })} ${time}`;
  return fraction ? `${time}.${String(d.getMilliseconds()).padStart(3, "0")}` : time;
}
