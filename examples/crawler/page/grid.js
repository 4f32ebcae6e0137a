// The hosts as a grid of buttons: one of them is in the order of the Tab key, the arrow keys go to the others.

const NAMES = { ok: "ok", slow: "slow", off: "backing off", done: "done", new: "not asked yet", failing: "has dead letters" };

export class Grid {
  #cells = new Map(); // host → { button, bar }
  #node;
  #legend = new Map();
  chosen = null;

  constructor(node, legend, onChoose) {
    this.#node = node;
    node.addEventListener("click", (e) => {
      const button = e.target.closest("button");
      if (!button) return;
      this.#focus(button);
      this.chosen = this.chosen === button.dataset.host ? null : button.dataset.host;
      onChoose();
    });
    node.addEventListener("keydown", (e) => this.#move(e));
    for (const state of Object.keys(NAMES)) {
      const item = document.createElement("li"), count = document.createElement("b");
      item.className = state;
      item.append(document.createElement("i"), NAMES[state], count);
      legend.append(item);
      this.#legend.set(state, count);
    }
  }

  #move(e) {
    const columns = getComputedStyle(this.#node).gridTemplateColumns.split(" ").length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[e.key];
    const all = [...this.#node.children], next = all[all.indexOf(document.activeElement) + step];
    if (!step || !next) return;
    e.preventDefault();
    this.#focus(next);
    next.focus();
  }

  #focus(button) {
    this.#node.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    button.tabIndex = 0;
  }

  #cell(name) {
    const bar = document.createElement("i"), button = document.createElement("button");
    button.append(bar);
    button.dataset.host = name;
    button.tabIndex = -1;
    const after = [...this.#node.children].find((other) => other.dataset.host > name);
    this.#node.insertBefore(button, after ?? null);
    if (this.#node.firstChild === button) this.#focus(button);
    this.#cells.set(name, { button, bar });
    return this.#cells.get(name);
  }

  /** Draws the hosts: the bar of the one that has most left is full. */
  draw(crawl, now) {
    const usual = crawl.usual(), counts = {};
    let most = 16;
    for (const host of crawl.hosts.values()) most = Math.max(most, crawl.left(host));
    for (const host of crawl.hosts.values()) {
      const { button, bar } = this.#cells.get(host.name) ?? this.#cell(host.name);
      const left = crawl.left(host), state = crawl.health(host, now, usual);
      counts[state] = (counts[state] ?? 0) + 1;
      if (host.dead > 0) counts.failing = (counts.failing ?? 0) + 1;
      bar.style.height = `${left === 0 ? 0 : Math.max(6, (100 * left) / most).toFixed(0)}%`;
      set(button, "class", `cell ${state}${host.dead > 0 ? " dead" : ""}`);
      set(button, "aria-pressed", String(this.chosen === host.name));
      const text = `${host.name}: ${NAMES[state]}, ${left} in the frontier, ${host.pages} pages${host.dead > 0 ? `, ${host.dead} dead letters` : ""}`;
      set(button, "aria-label", text);
      set(button, "title", text);
    }
    for (const [state, count] of this.#legend) if (count.textContent !== String(counts[state] ?? 0)) count.textContent = counts[state] ?? 0;
  }
}

function set(node, name, value) { if (node.getAttribute(name) !== value) node.setAttribute(name, value); }
