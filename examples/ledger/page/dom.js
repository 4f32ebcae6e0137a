// Elements made without markup: what comes from a record is text, and stays text.

/** Makes an element. A property that is a function is a listener; null and undefined are left out. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export const byId = (id) => document.getElementById(id);

/** Sets a text where it is another one, so that what has not changed is not read out again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const whole = new Intl.NumberFormat("en");
const cents = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const known = (n) => typeof n === "number" && Number.isFinite(n);

/** 2,418 */
export const count = (n) => (known(n) ? whole.format(n) : "–");

/** Cents as 1,024.50, with a true minus. */
export const money = (n) => (known(n) ? cents.format(n / 100).replace("-", "−") : "–");

/** The same with a sign in any case. */
export const signed = (n) => (known(n) && n > 0 ? `+${money(n)}` : money(n));

const two = (n) => String(n).padStart(2, "0");

/** The time of day, 12:57:03. */
export function clock(ms) {
  const d = new Date(ms);
  return Number.isNaN(d.getTime()) ? "–" : `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}
