// The public API as a phone uses it: short-lived tokens, and swipes that are sent until answered.

const RENEW_MS = 60_000;
const LONGEST_PAUSE_S = 20;
const BATCH = 20;
const LATER = new Set(["not_recorded", "too_fast"]);

/** An answer that is none: a problem document, or `offline`. */
export class Refused extends Error {
  constructor(status, problem, waitS = 0) {
    super(problem.title ?? `The answer was ${status}`);
    Object.assign(this, { status, waitS, code: problem.code ?? "error", why: problem.why });
  }

  /** Whether the same request may be answered otherwise later. */
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export class Api {
  #token = null;
  #renewAt = 0;

  constructor(root, viewer) {
    this.root = root;
    this.viewer = viewer;
  }

  get(path, query = {}) {
    const asked = new URLSearchParams(query).toString();
    return this.#send("GET", asked ? `${path}?${asked}` : path);
  }

  post(path, body) {
    return this.#send("POST", path, body);
  }

  async #send(method, path, body, again = true) {
    const headers = { Authorization: `Bearer ${await this.#session()}` };
    try {
      return await ask(this.root + path, method, headers, body);
    } catch (error) {
      if (error.status !== 401 || error.code !== "token_expired" || !again) throw error;
      this.#renewAt = 0;
      return this.#send(method, path, body, false);
    }
  }

  /** A token, asked for once however many requests need it at a time. */
  #session() {
    if (Date.now() >= this.#renewAt) {
      this.#renewAt = Infinity;
      this.#token = this.#renew().catch((error) => {
        this.#renewAt = 0;
        throw error;
      });
    }
    return this.#token;
  }

  async #renew() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
    const given = await ask("/session", "POST", {}, { viewer: this.viewer, zone });
    this.#renewAt = Date.now() + given.expires_in * 1000 - RENEW_MS;
    return given.token;
  }
}

async function ask(url, method, headers, body) {
  if (body) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Refused(0, { code: "offline", title: "Gravity does not answer" });
  }
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, problem, Number(answer.headers.get("Retry-After")) || 0);
}

/**
 * Swipes and rewinds in the order in which they were made. Each has a client's id, so that sending
 * it again after any failure changes nothing; they outlive a reload of the page.
 * `told`: answered(op, status, left), rewound(op, answer), refused(op, error), waits(error).
 */
export class Outbox {
  #running = false;
  #wake = () => {};

  constructor(api, told) {
    this.api = api;
    this.told = told;
    this.key = `outbox:${api.viewer}`;
    this.ops = JSON.parse(sessionStorage.getItem(this.key) ?? "[]");
    addEventListener("online", () => this.#wake());
  }

  swipe(card, action) {
    const op = { id: crypto.randomUUID(), card, action, at: new Date().toISOString() };
    this.#add(op);
    return op;
  }

  rewind(op) {
    this.#add({ id: op.id, card: op.card, action: "rewind" });
  }

  async run() {
    if (this.#running) return;
    this.#running = true;
    let failures = 0;
    while (this.ops.length) {
      try {
        await this.#next();
        failures = 0;
      } catch (error) {
        if (error.passes) {
          this.told.waits(error);
          await this.#pause(Math.max(error.waitS, Math.min(LONGEST_PAUSE_S, 0.5 * 2 ** failures++)));
        } else {
          this.told.refused(this.#drop(this.ops[0]), error);
        }
      }
    }
    this.#running = false;
  }

  async #next() {
    const [first] = this.ops;
    if (first.action === "rewind") {
      const asked = { client_swipe_id: first.id, token: first.card.token };
      const answer = await this.api.post("/v1/rewinds", asked);
      this.#drop(first);
      // What is decided on the card meanwhile goes with its new token.
      for (const op of this.ops) if (op.card.id === first.card.id) op.card.token = answer.token;
      this.told.rewound(first, answer);
      return;
    }
    const end = this.ops.findIndex((op) => op.action === "rewind");
    const batch = this.ops.slice(0, end < 0 ? BATCH : Math.min(end, BATCH));
    const answer = await this.api.post("/v1/swipes", { swipes: batch.map(sent) });
    const left = { swipes: answer.remaining, superlikes: answer.remaining_superlikes };
    const final = answer.results.filter(({ status }) => !LATER.has(status));
    for (const { client_swipe_id: id, status } of final) {
      this.told.answered(this.#drop(batch.find((op) => op.id === id)), status, left);
    }
    if (!final.length) throw new Refused(429, { code: "too_fast", title: "Too fast" });
  }

  #add(op) {
    this.ops.push(op);
    this.#keep();
    this.run();
  }

  #drop(op) {
    this.ops = this.ops.filter((each) => each !== op);
    this.#keep();
    return op;
  }

  #keep() {
    sessionStorage.setItem(this.key, JSON.stringify(this.ops));
  }

  #pause(seconds) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, seconds * 1000);
    });
  }
}

function sent(op) {
  return {
    client_swipe_id: op.id,
    candidate: op.card.id,
    action: op.action,
    token: op.card.token,
    swiped_at: op.at,
  };
}
