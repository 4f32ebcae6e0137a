// What the page knows: the closed seconds of each service, as the topic counts has them, for five minutes of its own time.

const KEEP = 300, MAX_SERVICES = 500, LEVELS = { warn: 2, error: 3 };

/** @typedef {{at: number, n: number, levels: number[], late?: number, ms?: Record<string, number>, t?: Record<string, number>}} Second */

export class Store {
  /** @type {Map<string, {name: string, newest: number, lines: number, seconds: Map<number, Second>}>} */
  services = new Map();
  edge = 0; // The newest second of all that can be true.

  /** Takes records of the topic counts. */
  take(records) {
    for (const { key, value } of records) {
      const bar = key?.lastIndexOf("|") ?? -1, at = Number(key?.slice(bar + 1));
      if (bar < 0 || !Number.isInteger(at) || typeof value?.n !== "number") continue; // Open, forgotten, or not a second.
      const name = key.slice(0, bar);
      let service = this.services.get(name);
      if (!service) {
        if (this.services.size >= MAX_SERVICES) continue;
        this.services.set(name, service = { name, newest: 0, lines: 0, seconds: new Map() });
      }
      service.seconds.set(at, value);
      service.newest = Math.max(service.newest, at);
      service.lines += value.n;
      if (service.seconds.size > KEEP + 60) for (const old of service.seconds.keys()) if (old < service.newest - KEEP) service.seconds.delete(old);
      if (service.seconds.size > 2 * KEEP) service.seconds.delete(service.seconds.keys().next().value);
      if (at <= Date.now() / 1000 + 5) this.edge = Math.max(this.edge, at - 1); // Not all have closed the newest one.
    }
  }

  /** Whether a service says something now, or is a file that was read. */
  isOld(service) { return service.newest < this.edge - 120; }

  /** The last n seconds, the newest last, of one service or of all: lines, and of them warnings and errors. */
  series(n, service = null) {
    const end = service && this.isOld(service) ? service.newest : this.edge;
    const all = Array.from({ length: n }, (_, i) => ({ at: end - n + 1 + i, lines: 0, warn: 0, error: 0 }));
    for (const one of service ? [service] : this.services.values()) {
      for (const sum of all) {
        const second = one.seconds.get(sum.at);
        if (!second) continue;
        sum.lines += second.n;
        sum.warn += second.levels[LEVELS.warn];
        sum.error += second.levels[LEVELS.error];
      }
    }
    return all;
  }

  /** The last n seconds of one service or of all in one: lines, errors, latencies. */
  sum(n, service = null) {
    const sum = { lines: 0, error: 0, p50: 0, p99: 0 }, buckets = new Map();
    const end = service && this.isOld(service) ? service.newest : this.edge;
    for (const one of service ? [service] : this.services.values()) {
      for (let at = end - n + 1; at <= end; at++) {
        const second = one.seconds.get(at);
        if (!second) continue;
        sum.lines += second.n;
        sum.error += second.levels[LEVELS.error];
        for (const [bucket, times] of Object.entries(second.ms ?? {})) buckets.set(Number(bucket), (buckets.get(Number(bucket)) ?? 0) + times);
      }
    }
    sum.p50 = percentile(buckets, 0.5);
    sum.p99 = percentile(buckets, 0.99);
    return sum;
  }

  /** The most frequent templates of five minutes, of one service or of all: [text, lines]. */
  templates(most, service = null) {
    const sums = new Map();
    for (const one of service ? [service] : this.services.values()) {
      for (const second of one.seconds.values()) {
        if (!service && second.at < this.edge - KEEP) continue;
        for (const [text, n] of Object.entries(second.t ?? {})) sums.set(text, (sums.get(text) ?? 0) + n);
      }
    }
    return [...sums].sort((a, b) => b[1] - a[1]).slice(0, most);
  }
}

/** Bucket n of the latencies ends at 2^(n/4) ms. */
function percentile(buckets, part) {
  const all = [...buckets].sort((a, b) => a[0] - b[0]);
  let rank = Math.ceil(part * all.reduce((sum, [, n]) => sum + n, 0));
  for (const [bucket, n] of all) if ((rank -= n) <= 0 && n > 0) return 2 ** (bucket / 4);
  return 0;
}
