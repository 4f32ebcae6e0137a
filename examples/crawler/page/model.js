// What the topics say of the crawl. Nothing here is drawn.

/** A second of the chart, and how many of them are kept. */
const SECOND = 1000, KEEP = 120;
/** So many URLs are remembered, to tell what was found before; above it, counts are at least what is shown. */
const MOST_URLS = 400_000;
/** A host that has something to fetch, and has been silent for so long, is kept away from: by itself, or by a crawler that died. */
const SILENT = 5_000;
const LATEST = 40;

/** The host of a URL of the web. */
const hostOf = (url) => url.slice(7, url.indexOf("/", 7));

export class Crawl {
  hosts = new Map(); // name → what is known of it
  latest = [];
  duplicates = 0;
  links = 0;
  pages = 0;
  verdict = null;
  #urls = new Set();
  #rates = new Map(); // second → pages
  #lefts = []; // { at, value }

  constructor(prefix) { Object.assign(this, { pagesTopic: `${prefix}pages`, seenTopic: `${prefix}seen`, checkTopic: `${prefix}check` }); }

  get topics() { return [this.pagesTopic, this.seenTopic, this.checkTopic]; }
  get full() { return this.#urls.size >= MOST_URLS; }

  /** Takes a record of any of the topics. What somebody else has written there, and makes no sense, is passed over. */
  take({ topic, key, value, timestamp }) {
    if (value === null || typeof value !== "object") return;
    if (topic === this.checkTopic) { if (value.ok !== undefined) this.verdict = value; }
    else if (topic === this.pagesTopic) this.#page(value, timestamp);
    else if (topic === this.seenTopic && typeof key === "string" && key.startsWith("http://")) this.#visit(key, value, timestamp);
  }

  #page({ url, links, title, size, ms, refused }, at) {
    if (typeof url !== "string" || !Array.isArray(links)) return;
    const host = this.host(hostOf(url));
    this.pages++;
    host.pages++;
    host.ms = host.ms === undefined ? ms : 0.8 * host.ms + 0.2 * ms;
    if (refused > 0) { host.refused += refused; host.refusedAt = at; }
    for (const link of links) { this.links++; if (!this.#find(link)) this.duplicates++; }
    const second = Math.floor(at / SECOND);
    this.#rates.set(second, (this.#rates.get(second) ?? 0) + 1);
    for (const old of this.#rates.keys()) { if (this.#rates.size <= KEEP) break; this.#rates.delete(old); }
    host.latest = [{ url, title, size, ms }, ...(host.latest ?? []).slice(0, 9)];
    this.latest = [host.latest[0], ...this.latest.slice(0, LATEST - 1)];
  }

  #visit(url, { outcome, to }, at) {
    this.#find(url);
    if (to && to !== url) this.#find(to);
    const host = this.host(hostOf(url));
    host.done++;
    host.at = Math.max(host.at ?? 0, at);
    if (outcome === "disallowed") host.disallowed++;
  }

  /** Notes a URL, and reports whether it is a new one. */
  #find(url) {
    if (typeof url !== "string" || this.#urls.has(url) || this.full) return false;
    this.#urls.add(url);
    this.host(hostOf(url)).found++;
    return true;
  }

  host(name) {
    if (!this.hosts.has(name)) this.hosts.set(name, { name, found: 0, done: 0, pages: 0, refused: 0, disallowed: 0, dead: 0 });
    return this.hosts.get(name);
  }

  /** Takes the number of dead letters of each host. */
  letters(list) {
    for (const host of this.hosts.values()) host.dead = 0;
    const urls = new Set();
    for (const { topic, partition, offset, key } of list) {
      const place = `${topic}/${partition}/${offset}`;
      if (this.hosts.has(key) && !urls.has(place)) this.host(key).dead++;
      urls.add(place);
    }
  }

  /** What a host has in the frontier: found, and neither seen nor given up. */
  left(host) { return Math.max(0, host.found - host.done - host.dead); }

  /** How a host is, now: new, done, off (backing off), slow or ok. Whether it has dead letters is another matter. */
  health(host, now, usual) {
    const left = this.left(host);
    if (host.done === 0) return "new";
    if (left === 0) return "done";
    if (now - (host.refusedAt ?? 0) < SILENT || now - (host.at ?? now) > SILENT) return "off";
    return host.ms > Math.max(20, 3 * usual) ? "slow" : "ok";
  }

  /** The middle of the hosts' times. */
  usual() {
    const times = [...this.hosts.values()].map((h) => h.ms).filter((ms) => ms !== undefined).sort((a, b) => a - b);
    return times[times.length >> 1] ?? 0;
  }

  totalLeft(now) {
    let left = 0;
    for (const host of this.hosts.values()) left += this.left(host);
    const last = this.#lefts.at(-1);
    if (!last || now - last.at >= SECOND) this.#lefts.push({ at: now, value: left });
    if (this.#lefts.length > KEEP) this.#lefts.shift();
    return left;
  }

  get lefts() { return this.#lefts; }

  /** Pages of each second, of the last two minutes, without the one that is not over. */
  rates(now) {
    const end = Math.floor(now / SECOND) - 1;
    const seconds = [...this.#rates.keys()];
    const begin = Math.max(end - KEEP, Math.min(...seconds, end));
    return Array.from({ length: end - begin + 1 }, (_, n) => ({ at: begin + n, value: this.#rates.get(begin + n) ?? 0 }));
  }

  figure(name) { return this.verdict?.figures?.find((f) => f.name === name)?.value; }
}
