// The last five minutes of some figures, from when the page was opened, and the rates that follow from counts.

const KEEP = 300_000;
/** Rates are of so long: commits come once a second, so less would only flicker. */
const WINDOW = 6_000;

/** A counter that is seen now and then. */
class Rate {
  #samples = [];

  /** Notes that so many more were counted until a time, and returns how many a second. */
  add(at, more) {
    const total = (this.#samples.at(-1)?.total ?? 0) + more;
    this.#samples.push({ at, total });
    while (this.#samples.length > 2 && this.#samples[1].at <= at - WINDOW) this.#samples.shift();
    const first = this.#samples[0];
    return at > first.at ? ((total - first.total) * 1000) / (at - first.at) : undefined;
  }
}

/** How far counts have moved that go by name; one that is new, or has gone back, has not moved. */
class Moves {
  #last = new Map();

  of(counts) {
    let moved = 0;
    for (const [name, n] of counts) moved += Math.max(0, n - (this.#last.get(name) ?? n));
    this.#last = new Map(counts);
    return moved;
  }
}

export class History {
  /** Lists of { at, value }, the oldest first; the last one is now. */
  series = { arriving: [], handled: [], lag: [], watchers: [], delivered: [] };
  /** Records a second that are written to each topic. */
  topicRates = new Map();
  #rates = { arriving: new Rate(), handled: new Rate(), delivered: new Rate() };
  #moves = { arriving: new Moves(), handled: new Moves(), delivered: new Moves(), topics: new Map() };
  #grouped = 0;

  /** The newest value of a series, or undefined. */
  last(name) { return this.series[name].at(-1)?.value; }

  #note(name, at, value) {
    if (value === undefined || value === null) return;
    const list = this.series[name];
    list.push({ at, value });
    while (list[0].at < at - KEEP) list.shift();
  }

  /** Notes what Kafka says of the groups: what all of them together read, and have handled. */
  grouped(groups) {
    const at = Math.max(0, ...groups.map((g) => Date.parse(g.at) || 0));
    if (at <= this.#grouped) return; // An answer may be up to a second old, and come twice.
    this.#grouped = at;
    const ends = new Map(), commits = new Map();
    for (const g of groups) {
      for (const p of g.partitions) {
        if (!p.subscribed) continue;
        if (p.end >= 0) ends.set(`${p.topic}/${p.partition}`, p.end);
        if (p.committed >= 0) commits.set(`${g.group}/${p.topic}/${p.partition}`, p.committed);
      }
    }
    this.#note("arriving", at, this.#rates.arriving.add(at, this.#moves.arriving.of(ends)));
    this.#note("handled", at, this.#rates.handled.add(at, this.#moves.handled.of(commits)));
    const lags = groups.map((g) => g.lag_seconds).filter((s) => s !== null && s !== undefined);
    if (lags.length > 0) this.#note("lag", at, Math.max(...lags));
  }

  /** Notes what this replica says of its streams. */
  watched(state) {
    const at = Date.parse(state.at);
    this.#note("watchers", at, state.streams.clients);
    this.#note("delivered", at, this.#rates.delivered.add(at, this.#moves.delivered.of([["all", state.streams.delivered]])));
  }

  /** Notes the ends of topics. */
  written(topics) {
    const at = Date.now();
    const rates = new Map();
    for (const t of topics) {
      const seen = this.#moves.topics.get(t.topic_id) ?? { moves: new Moves(), rate: new Rate() };
      this.#moves.topics.set(t.topic_id, seen);
      rates.set(t.name, seen.rate.add(at, seen.moves.of(t.partitions.map((p) => [p.partition, p.end]))));
    }
    this.topicRates = rates;
  }
}
