/**
 * Sluice's client for live records: one ES module, no dependency.
 *
 *   import { open } from "/sluice.js";
 *   const stream = open({ topics: "orders", from: "-15m", storage: localStorage, onRecord: show, onGap: warn });
 *   stream.close();
 *
 * It reconnects by itself and goes on where it was, on any replica: every record at least once, in the order of its
 * partition; what cannot be had is a gap, and is reported before the next record. The cursor is kept only when the
 * callback has returned, or its promise was kept, for all that it covers: a page that dies loses nothing, and after a
 * reload with the same storage some records may come once more.
 *
 * It reads with fetch and not with EventSource, which sees neither the status nor the text of an error, sends no
 * header, and waits for ever on a connection that is half open.
 */

/** A connection is dead after so much silence; the server says something every 15 s. All times are in ms. */
const SILENCE = 45_000;
/** The first pause before a reconnect, until the server has asked for another one; the shortest and the longest. */
const FIRST_PAUSE = 2_000, SHORTEST_PAUSE = 100, LONGEST_PAUSE = 30_000;
/** A connection that has lasted so long was a good one: the next pause is a short one. */
const GOOD_AFTER = 10_000;
/** The cursor is written to the storage at most once in so long, and when the page is left. */
const STORE_EVERY = 250;

/** A text/event-stream, read as the HTML standard (9.2.6) says, from pieces cut anywhere, inside a character too. */
export class EventParser {
  /** The id of the last event that has ended, or "". */
  lastEventId = "";
  /** The pause before a reconnect that the server asks for, in ms. @type {number|undefined} */
  retry;
  #decoder = new TextDecoder(); // It drops one byte order mark, and waits for the rest of a character.
  #line = "";
  #searched = 0;
  #afterCR = false;
  #type = "";
  #data = "";
  #id = "";

  /** @param {Uint8Array} bytes @returns {{type: string, data: string, id: string}[]} the events that end in them */
  push(bytes) {
    const events = [];
    let text = this.#decoder.decode(bytes, { stream: true });
    if (this.#afterCR && text !== "") {
      if (text[0] === "\n") text = text.slice(1);
      this.#afterCR = false;
    }
    this.#line += text;
    const ends = /\r\n|\n|\r/g;
    ends.lastIndex = this.#searched; // A long line is not searched again with each piece.
    let start = 0;
    for (let end; (end = ends.exec(this.#line)); start = ends.lastIndex) {
      this.#field(this.#line.slice(start, end.index), events);
      this.#afterCR = end[0] === "\r" && ends.lastIndex === this.#line.length;
    }
    this.#line = this.#line.slice(start);
    this.#searched = this.#line.length;
    return events;
  }

  #field(line, events) {
    if (line === "") {
      this.lastEventId = this.#id;
      if (this.#data) events.push({ type: this.#type || "message", data: this.#data.slice(0, -1), id: this.#id });
      this.#type = this.#data = "";
      return;
    }
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
    if (name === "data") this.#data += value + "\n";
    else if (name === "event") this.#type = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^[0-9]+$/.test(value)) this.retry = Number(value);
  }
}

/** Why a stream has ended for good; status is that of HTTP or 0, problem the answer's problem+json or null. */
export class StreamError extends Error {
  constructor(message, status = 0, problem = null) {
    super(message);
    Object.assign(this, { name: "StreamError", status, problem });
  }
}

/**
 * @typedef {object} StreamRecord
 * @property {string} topic
 * @property {number} partition
 * @property {number} offset
 * @property {number} timestamp ms since 1970
 * @property {string|null} key base64 where key_encoding says so
 * @property {{key: string, value: string|null, encoding?: "base64"}[]} headers
 * @property {*} value JSON as JavaScript reads it, which rounds numbers beyond 2^53 (values: "text" keeps each digit);
 *   text as a string; null for a tombstone; base64 where encoding says so
 * @property {"base64"} [encoding]
 * @property {"base64"} [key_encoding]
 *
 * @typedef {object} Options
 * @property {string|string[]} [topics] what to read, of this origin
 * @property {string} [url] a stream's address instead; beside topics, what the service's paths begin with
 * @property {string} [from] now (the default), earliest, -15m or a time as RFC 3339; where there is no cursor
 * @property {string} [filter] an expression in CEL
 * @property {string} [key] only records with this key
 * @property {number} [partition] only this one
 * @property {"json"|"text"|"base64"} [values] one form for all values
 * @property {Storage|null} [storage] keeps the cursor: localStorage, sessionStorage or anything with getItem and setItem
 * @property {string} [storageKey] readers that are open at a time need one each, or they overwrite each other's cursor
 * @property {(record: StreamRecord) => *} [onRecord] a promise is waited for
 * @property {(records: StreamRecord[]) => *} [onRecords] instead of it: those that have come together
 * @property {(gap: {topic?: string, partition?: number, from?: number, to?: number, reason: string}) => *} [onGap]
 * @property {(record: StreamRecord) => void} [onDuplicate] one that came once more and was dropped
 * @property {(stalled: object) => void} [onStalled] an open transaction holds a partition back
 * @property {(state: "connecting"|"open"|"live"|"waiting"|"closed"|"failed",
 *   detail: {reason?: string, delay?: number, error?: Error}) => void} [onState] live: all that was there has come
 * @property {(reason: string) => void} [onBye] the server ends this connection
 * @property {AbortSignal} [signal] closes the stream
 * @property {Record<string, string>} [headers] of each request: { Authorization: "Bearer …" }
 * @property {RequestCredentials} [credentials] "include" sends a cookie to another origin
 */

/**
 * Opens a stream. What a repeat cannot mend ends it: a status of 4xx, a callback that throws, a filter that costs too much.
 * @param {Options} options
 * @returns {{close: () => void, done: Promise<Error|null>, readonly cursor: string, readonly duplicates: number}} done is
 *   kept, never broken, when the last callback has returned: with the error, or null after a close
 */
export function open(options) {
  const url = address(options);
  const controller = new AbortController();
  const close = () => controller.abort();
  options.signal?.addEventListener("abort", close, { once: true });
  if (options.signal?.aborted) close();
  const stream = new Stream(options, url, controller.signal);
  const done = Promise.resolve().then(() => stream.run()); // No callback is called before open has returned.
  done.then(() => options.signal?.removeEventListener("abort", close));
  return { close, done, get cursor() { return stream.cursor; }, get duplicates() { return stream.duplicates; } };
}

function address({ url, topics = [], ...parameters }) {
  const names = [topics].flat();
  if (!url && names.length === 0) throw new TypeError("open needs topics or a url");
  const target = new URL(url ?? "/", globalThis.location?.href);
  const path = names.length === 1 ? `/topics/${encodeURIComponent(names[0])}/events` : "/events";
  if (names.length > 0) target.pathname = target.pathname.replace(/\/*$/, path);
  if (names.length > 1) for (const name of names) target.searchParams.append("topic", name);
  for (const name of ["from", "filter", "key", "partition", "values"]) {
    if (parameters[name] !== undefined && parameters[name] !== null) target.searchParams.set(name, parameters[name]);
  }
  return target;
}

class Stream {
  cursor = "";
  duplicates = 0;
  #failures = 0;
  #retry = FIRST_PAUSE;
  #last = new Map(); // topic → partition → offset of the last record that was handed over
  #stored = "";
  #timer = 0;

  constructor(options, url, signal) {
    const place = new URL(url);
    place.searchParams.delete("from");
    Object.assign(this, { options, url, signal, storageKey: options.storageKey ?? `sluice:${place}` });
  }

  async run() {
    this.cursor = this.#stored = this.#storage((s) => s.getItem(this.storageKey)) ?? "";
    globalThis.addEventListener?.("pagehide", this.#store);
    let error = null;
    try {
      while (!this.signal.aborted) await this.#pause(await this.#connect());
    } catch (e) {
      error = e;
    }
    globalThis.removeEventListener?.("pagehide", this.#store);
    this.#store();
    try { this.#say(error ? "failed" : "closed", error ? { error } : {}); } catch (e) { error ??= e; }
    return error;
  }

  /** One connection, to its end. Returns why it has ended; throws where a repeat mends nothing. */
  async #connect() {
    this.#say("connecting");
    const began = Date.now(), attempt = new AbortController(), close = () => attempt.abort();
    this.signal.addEventListener("abort", close, { once: true });
    let silence = setTimeout(close, SILENCE);
    try {
      const headers = { Accept: "text/event-stream", ...this.options.headers };
      if (this.cursor) headers["Last-Event-ID"] = this.cursor;
      const request = { headers, signal: attempt.signal, cache: "no-store", credentials: this.options.credentials };
      const response = await fetch(this.url, request).catch(() => null);
      if (!response) return { reason: "the server cannot be reached" };
      if (response.status !== 200) return await refused(response);
      const type = response.headers.get("Content-Type");
      if (!/^text\/event-stream\s*(;|$)/i.test(type)) throw new StreamError(`the answer is ${type}, not an event stream`, 200);
      this.#say("open");
      const reader = response.body.getReader(), parser = new EventParser(), end = { reason: "the connection has ended" };
      for (;;) {
        const { value, done } = await reader.read().catch(() => ({ done: true }));
        if (done || this.signal.aborted) return end;
        clearTimeout(silence); // The callbacks may take their time.
        await this.#take(parser.push(value), end);
        if (this.signal.aborted) return end;
        this.#moveTo(parser.lastEventId);
        this.#retry = parser.retry ?? this.#retry;
        silence = setTimeout(close, SILENCE);
      }
    } finally {
      clearTimeout(silence);
      this.signal.removeEventListener("abort", close);
      close();
      if (Date.now() - began > GOOD_AFTER) this.#failures = 0;
    }
  }

  async #take(events, end) {
    let batch = [];
    for (const [n, { type, data: json, id }] of events.entries()) {
      if (this.signal.aborted) return;
      const data = JSON.parse(json);
      if (type === "message") {
        this.#failures = 0;
        if (this.#isNew(data)) batch.push(data);
        else this.duplicates++, this.options.onDuplicate?.(data);
        if (this.options.onRecords && events[n + 1]?.type === "message") continue; // They are handed over together.
        if (batch.length > 0) await (this.options.onRecords ? this.options.onRecords(batch) : this.options.onRecord?.(data));
        batch = [];
      } else {
        await this.#control(type, data, end);
      }
      this.#moveTo(id);
    }
  }

  async #control(type, data, end) {
    if (type === "gap") {
      this.#forget(data);
      await this.options.onGap?.(data);
    } else if (type === "caughtup") this.#say("live");
    else if (type === "stalled") this.options.onStalled?.(data);
    else if (type === "bye") {
      end.reason = data.reason;
      this.options.onBye?.(data.reason);
      if (data.reason === "filter_cost") throw new StreamError("the filter costs too much: make it simpler");
    }
  }

  /** Partitions are in order: a record that is not behind the last one of its partition has come before. */
  #isNew({ topic, partition, offset }) {
    if (!this.#last.has(topic)) this.#last.set(topic, new Map());
    const partitions = this.#last.get(topic);
    if (offset <= (partitions.get(partition) ?? -1)) return false;
    partitions.set(partition, offset);
    return true;
  }

  /** Behind a gap offsets may begin anew: a topic that was made again, a log that was cut off, an unknown position. */
  #forget({ topic, partition, from, to, reason }) {
    if (topic === undefined) this.#last.clear();
    else if (partition === undefined || reason === "topic_recreated") this.#last.delete(topic);
    else if (reason === "truncated" || to < from) this.#last.get(topic)?.delete(partition);
  }

  async #pause({ reason, after = 0 }) {
    if (this.signal.aborted) return;
    const pause = Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, this.#retry) * 2 ** this.#failures++);
    const delay = Math.max(after, pause) * (1 + Math.random() / 2); // So that not all clients come back at once.
    this.#say("waiting", { reason, delay });
    await new Promise((resolve) => {
      const timer = setTimeout(go, delay), { signal } = this;
      function go() { clearTimeout(timer); signal.removeEventListener("abort", go); resolve(); }
      signal.addEventListener("abort", go);
    });
  }

  #say(state, detail = {}) { this.options.onState?.(state, detail); }

  #moveTo(id) {
    if (!id || id === this.cursor) return;
    this.cursor = id;
    if (this.options.storage && !this.#timer) this.#timer = setTimeout(this.#store, STORE_EVERY);
  }

  #store = () => {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.cursor === this.#stored) return;
    this.#stored = this.cursor;
    this.#storage((s) => s.setItem(this.storageKey, this.cursor));
  };

  /** A storage that is full or forbidden costs the place after a reload, and nothing else. */
  #storage(use) {
    try { return this.options.storage ? use(this.options.storage) : null; } catch { return null; }
  }
}

/** Throws where a repeat would be refused again, else returns the reason and the pause that the server asks for. */
async function refused(response) {
  let problem = null;
  try { problem = JSON.parse(await response.text()); } catch { /* Not ours: a proxy's page, perhaps. */ }
  const reason = problem?.detail ?? `the server answered ${response.status} ${response.statusText}`;
  if (response.status < 500 && ![408, 425, 429].includes(response.status)) throw new StreamError(reason, response.status, problem);
  return { reason, after: (Number(response.headers.get("Retry-After")) || 0) * 1000 };
}
