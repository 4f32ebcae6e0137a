// The last records of a stream, bounded in number and in memory, and how many there were in all.

/** So many entries are kept, and drawn. */
export const ROWS = 120;
/** What the values that are kept may take, in characters; one that is larger is kept alone. */
const MOST = 16 << 20;

export class TailBuffer {
  /** The entries, the oldest first: { n, record } or { n, gap }, numbered from the beginning. */
  entries = [];
  records = 0;
  gaps = 0;
  #next = 0;
  #size = 0;

  /** Adds a record. */
  add(record) {
    this.records++;
    this.#push({ record, size: sizeOf(record) });
  }

  /** Adds a gap, at the time that it was told. */
  addGap(gap) {
    this.gaps++;
    this.#push({ gap, at: Date.now(), size: 0 });
  }

  #push(entry) {
    entry.n = this.#next++;
    this.entries.push(entry);
    this.#size += entry.size;
    let drop = Math.max(0, this.entries.length - ROWS);
    for (let n = 0; n < drop; n++) this.#size -= this.entries[n].size;
    while (this.#size > MOST && drop < this.entries.length - 1) this.#size -= this.entries[drop++].size;
    this.entries.splice(0, drop);
  }
}

function sizeOf({ value, key }) {
  const length = (v) => (typeof v === "string" ? v.length : 0);
  return length(value) + length(key) + 200;
}
