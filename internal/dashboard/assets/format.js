// Numbers and times for people. What is not known is "–", never 0.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const UNKNOWN = "–";
const known = (n) => typeof n === "number" && Number.isFinite(n);

/** 2,418 */
export const count = (n) => (known(n) ? whole.format(n) : UNKNOWN);

/** A rate: one decimal while it is small. */
export const rate = (n) => (!known(n) ? UNKNOWN : n > 0 && n < 10 ? tenths.format(n) : whole.format(n));

/** Seconds: 0.1, 4.8, 12, 3 min, 2 h, 5 d. */
export function seconds(n) {
  if (!known(n)) return UNKNOWN;
  if (n === 0) return "0 s";
  if (n < 10) return `${tenths.format(n)} s`;
  if (n < 120) return `${whole.format(n)} s`;
  if (n < 7200) return `${whole.format(n / 60)} min`;
  return n < 172800 ? `${whole.format(n / 3600)} h` : `${whole.format(n / 86400)} d`;
}

/** Bytes: 812 B, 500 KB, 1.2 MB (of 1,000). */
export function bytes(n) {
  if (!known(n)) return UNKNOWN;
  for (const unit of ["B", "KB", "MB", "GB", "TB"]) {
    if (n < 1000 || unit === "TB") return `${unit === "B" || n >= 100 ? whole.format(n) : tenths.format(n)} ${unit}`;
    n /= 1000;
  }
}

/** "1 record", "5 records". */
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

const two = (n) => String(n).padStart(2, "0");

/** The time of day to the millisecond, 12:57:03.418, of this browser's zone. */
export function clock(ms) {
  const d = new Date(ms);
  return Number.isNaN(d.getTime()) ? UNKNOWN
    : `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, "0")}`;
}

/** The date and time of something that is not of just now: 12:41:10 today, else with its date. */
export function when(time) {
  const d = new Date(time);
  if (!time || Number.isNaN(d.getTime())) return UNKNOWN;
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  const now = new Date();
  const today = d.toDateString() === now.toDateString();
  return `${today ? "" : `${day} `}${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** The exact time, for a tooltip. */
export function exact(ms) {
  const d = new Date(ms);
  return Number.isNaN(d.getTime()) ? String(ms) : d.toISOString();
}

/** How long ago a time is. */
export const ago = (time) => seconds(Math.max(0, (Date.now() - new Date(time)) / 1000));
