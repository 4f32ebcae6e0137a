// Asking again and again, politely: not while nobody looks, slower when it fails or takes long.

const SLOWEST = 30_000;

/**
 * Calls ask, waits for it, and calls it again after `every` ms, or ten times as long as it has taken. While the page is
 * hidden it rests. A failure is told to `failed` and doubles the pause.
 */
export function poll(every, ask, failed = () => {}) {
  let timer = 0, stopped = false, running = false, failures = 0;
  async function run() {
    clearTimeout(timer);
    if (stopped || running || document.hidden) return;
    running = true;
    const began = performance.now();
    try {
      await ask();
      failures = 0;
    } catch (error) {
      failures++;
      if (!stopped) failed(error);
    }
    running = false;
    const pause = Math.max(every * 2 ** failures, 10 * (performance.now() - began));
    if (!stopped) timer = setTimeout(run, Math.min(SLOWEST, pause));
  }
  const seen = () => { if (!document.hidden) run(); };
  document.addEventListener("visibilitychange", seen);
  run();
  return {
    now: run,
    stop() {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    },
  };
}
