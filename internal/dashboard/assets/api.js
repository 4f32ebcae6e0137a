// Requests to the service, with the rights of who looks.

/** An answer that is an error; the message is what the service says is wrong. */
export class ApiError extends Error {
  constructor(message, status, problem) {
    super(message);
    Object.assign(this, { name: "ApiError", status, problem });
  }
}

/** Tells "signedout" when a request was refused for want of a credential. */
export const access = new EventTarget();

/** Asks for JSON. Its errors are ApiError, of status 0 where the service cannot be reached. */
export async function get(path, { signal, timeout = 15_000 } = {}) {
  return request(path, { signal: limited(signal, timeout) });
}

/** Sends JSON, or nothing, and returns the answer's. */
export async function send(method, path, body, { headers = {}, timeout = 30_000 } = {}) {
  const init = { method, headers, signal: limited(undefined, timeout) };
  if (body !== undefined) Object.assign(init, { body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } });
  return request(path, init);
}

const limited = (signal, timeout) => AbortSignal.any([AbortSignal.timeout(timeout), ...(signal ? [signal] : [])]);

async function request(path, init) {
  let response, text;
  try {
    response = await fetch(path, { cache: "no-store", ...init, headers: { Accept: "application/json", ...init.headers } });
    text = await response.text();
  } catch (error) {
    throw new ApiError(error.name === "TimeoutError" ? "the service takes too long to answer" : "the service cannot be reached", 0, null);
  }
  let answer = null;
  try { answer = JSON.parse(text); } catch { /* A proxy's page, or nothing at all. */ }
  if (response.ok) return answer;
  if (response.status === 401) access.dispatchEvent(new Event("signedout"));
  throw new ApiError(described(answer) ?? `the service answered ${response.status} ${response.statusText}`, response.status, answer);
}

/** The detail of a problem, with the fields that are wrong. */
function described(problem) {
  const fields = (problem?.errors ?? []).map((e) => `${e.location.replace(/^(body|query)\./, "")} ${e.message}`);
  return fields.length > 0 ? fields.join("; ") : problem?.detail;
}
