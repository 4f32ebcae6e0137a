// Elements, made without markup: whatever comes from a record is text and stays text.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element. A property that is a function is a listener, of `onclick` for "click"; null, undefined and false are left out. */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Makes an element of a drawing. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...flat(children));
  return node;
}

const flat = (children) => children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);

/** Replaces what is in a node. */
export function put(node, ...children) {
  node.replaceChildren(...flat(children));
}

/** Sets a node's text where it is another one, so that what has not changed is not drawn, or read out, again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Keeps the rows of a list in step with items without making them anew: focus, selection and open parts stay.
 * make returns an element; update gets it with its item.
 */
export function keep(parent, items, keyOf, make, update) {
  const old = new Map([...parent.children].map((row) => [row.dataset.key, row]));
  const rows = items.map((item) => {
    const key = String(keyOf(item));
    const row = old.get(key) ?? make(item);
    old.delete(key);
    row.dataset.key = key;
    update(row, item);
    return row;
  });
  for (const row of old.values()) row.remove();
  rows.forEach((row, n) => {
    if (parent.children[n] !== row) parent.insertBefore(row, parent.children[n] ?? null);
  });
}

/** A table with a head, whose columns are [title, class]. Its body is `table.body`. */
export function table(label, columns) {
  const body = el("tbody");
  const head = el("tr", {}, columns.map(([title, kind]) => el("th", { scope: "col", class: kind }, title)));
  const node = el("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" },
    el("table", {}, el("caption", { class: "unseen" }, label), el("thead", {}, head), body));
  return { node, body };
}

/** Makes the rows of a table: cells returns what is in each one, a string or nodes. */
export function rows(body, columns, items, keyOf, cells) {
  keep(body, items, keyOf,
    () => el("tr", {}, columns.map(([, kind]) => el("td", { class: kind }))),
    (row, item) => cells(item, row).forEach((content, n) => {
      const cell = row.children[n];
      if (typeof content === "string") say(cell, content);
      else if (Array.isArray(content)) put(cell, content);
      else if (cell.firstChild !== content) put(cell, content);
    }));
}

/** Tells a screen reader, politely, and nobody else. */
export function announce(text) {
  say(document.getElementById("announcements"), text);
}
