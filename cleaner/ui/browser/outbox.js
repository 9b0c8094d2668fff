/*
 * Decisions on their way to the server.
 *
 * A decision is written to localStorage before anything else happens, carries an id of its own,
 * and is sent until the server says that it has it. The server takes each id once.
 */

const BATCH = 100; // a page of the grid goes in one request
const MOST_KEPT_ALIVE = 60000; // bytes; a browser refuses to keep a longer request alive
const GATHER_MS = 20; // a request takes longer to begin than a frame may; the frame goes first
const POST_TIMEOUT_MS = 15000;
const RETRY_MS = [300, 700, 1500, 3000, 5000];

class Outbox {
  /* Decisions on their way to the server; one localStorage entry a tab. */

  constructor(api, { onState, onAnswer }) {
    this.api = api;
    this.prefix = `cleaner:outbox:${api}:`;
    this.onState = onState;
    this.onAnswer = onAnswer;
    this.entries = [];
    this.key = null;
    this.sending = null;
    this.failures = 0;
    this.problem = "";
    this.closed = false;
    this.releaseTab = () => {};
  }

  async open() {
    const tab = await this.claimTab();
    this.key = this.prefix + tab;
    this.entries = this.read(this.key).concat(this.entries);
    this.save();
  }

  async claimTab() {
    // A duplicated tab copies sessionStorage; the lock tells which of the two came first.
    let tab = sessionStorage.getItem("cleaner:tab") || newId();
    // Tried more than once: a deck that was just unmounted gives its lock back a moment later.
    let isOurs = await this.holdLock(tab);
    for (let again = 0; !isOurs && again < 4; again += 1) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      isOurs = await this.holdLock(tab);
    }
    if (!isOurs) {
      tab = newId();
      await this.holdLock(tab);
    }
    sessionStorage.setItem("cleaner:tab", tab);
    return tab;
  }

  holdLock(tab) {
    if (!navigator.locks) return Promise.resolve(true);
    return new Promise((resolve) => {
      navigator.locks
        .request(this.prefix + tab, { ifAvailable: true }, (lock) => {
          resolve(lock !== null);
          if (lock === null) return undefined;
          return new Promise((release) => {
            this.releaseTab = release;
          });
        })
        .catch(() => resolve(true));
    });
  }

  async adoptOrphans() {
    // What a closed tab had not sent yet is sent by the next one that opens.
    if (!navigator.locks) return;
    const keys = Object.keys(localStorage).filter(
      (key) => key.startsWith(this.prefix) && key !== this.key,
    );
    for (const key of keys) {
      await navigator.locks.request(key, { ifAvailable: true }, (lock) => {
        if (lock === null) return;
        this.entries = this.read(key).concat(this.entries);
        this.save();
        localStorage.removeItem(key);
      });
    }
  }

  read(key) {
    try {
      const entries = JSON.parse(localStorage.getItem(key) || "[]");
      return Array.isArray(entries) ? entries : [];
    } catch {
      return [];
    }
  }

  save() {
    if (this.key === null) return;
    try {
      if (this.entries.length) localStorage.setItem(this.key, JSON.stringify(this.entries));
      else localStorage.removeItem(this.key);
    } catch {
      this.problem = "This browser keeps nothing; do not reload until all is saved.";
    }
  }

  /* Takes decisions that were made with one key. */
  add(...entries) {
    // Kept with them: by the time they arrive, somebody else may have this browser.
    const reviewer = reviewerName();
    this.entries.push(...entries.map((entry) => ({ ...entry, reviewer })));
    this.save();
    this.onState();
    this.flush();
  }

  flush() {
    this.sending ??= this.sendAll().finally(() => {
      this.sending = null;
      this.onState();
    });
    return this.sending;
  }

  async sendAll() {
    if (!this.entries.length) return;
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    while (this.entries.length && !this.closed) {
      const batch = this.entries.slice(0, BATCH);
      try {
        const answer = await this.post(batch);
        this.settle(batch);
        this.onAnswer(answer);
      } catch (error) {
        this.retryLater(error);
        return;
      }
    }
  }

  settle(batch) {
    const sent = new Set(batch.map((entry) => entry.op_id));
    this.entries = this.entries.filter((entry) => !sent.has(entry.op_id));
    this.failures = 0;
    this.problem = "";
    this.save();
    this.onState();
  }

  retryLater(error) {
    this.problem = error instanceof TypeError ? "" : String(error.message || "");
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    clearTimeout(this.retry);
    if (!this.closed) this.retry = setTimeout(() => this.flush(), wait);
  }

  async post(batch) {
    const body = new TextEncoder().encode(JSON.stringify(batch));
    const answer = await fetch(`${this.api}/decisions`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
      // Lets the last decision arrive although the tab is being closed.
      keepalive: body.byteLength < MOST_KEPT_ALIVE,
      signal: AbortSignal.timeout(POST_TIMEOUT_MS),
    });
    const values = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(values.error || `The server answered ${answer.status}.`);
    return values;
  }

  close() {
    this.closed = true;
    clearTimeout(this.retry);
    this.releaseTab();
  }
}
