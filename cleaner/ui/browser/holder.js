/*
 * Which page this is to the server, that hands out images to several at once.
 *
 * What a page got is nobody else's until it is closed. A page that could not say so any more, as
 * after a crash, is noticed by the next one in this browser: its lock is free.
 */

const HEARTBEAT_MS = 45000;
const SWEEP_AGAIN_MS = 3000;
const SEND_TIMEOUT_MS = 15000;
const IDLE_MS = 10 * 60 * 1000; // without a key or a pointer, what is held goes to others

class Holder {
  constructor(api, onHeartbeat) {
    this.api = api;
    this.onHeartbeat = onHeartbeat;
    this.id = newId();
    this.prefix = `cleaner:holder:${api}:`;
    this.letGo = () => {};
    this.onHide = () => this.giveBack();
    this.onShow = (event) => event.persisted && this.comeBack();
    this.onActive = () => this.touch();
    this.lastActive = Date.now();
  }

  async open() {
    await this.holdLock();
    await this.sweep();
    this.remember();
    // A page that is just being closed may not have let go of its lock yet.
    this.again = setTimeout(async () => {
      if (await this.sweep()) this.onHeartbeat();
    }, SWEEP_AGAIN_MS);
    window.addEventListener("pagehide", this.onHide);
    window.addEventListener("pageshow", this.onShow);
    window.addEventListener("keydown", this.onActive, { capture: true });
    window.addEventListener("pointerdown", this.onActive, { capture: true });
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
  }

  /* Gives back what pages of this browser had that are gone; returns whether there were any. */
  async sweep() {
    const gone = await this.orphans();
    if (!gone.length) return false;
    await this.send(gone).then(
      () => gone.forEach((id) => this.forget(this.prefix + id)),
      () => {}, // they are still known, and tried again with the next heartbeat
    );
    return true;
  }

  close() {
    window.removeEventListener("pagehide", this.onHide);
    window.removeEventListener("pageshow", this.onShow);
    window.removeEventListener("keydown", this.onActive, { capture: true });
    window.removeEventListener("pointerdown", this.onActive, { capture: true });
    clearInterval(this.heartbeat);
    clearTimeout(this.again);
    this.giveBack();
    this.letGo();
  }

  async beat() {
    if (Date.now() - this.lastActive >= IDLE_MS) return;
    await this.sweep();
    this.onHeartbeat();
  }

  touch() {
    const wasIdle = Date.now() - this.lastActive >= IDLE_MS;
    this.lastActive = Date.now();
    if (wasIdle) this.beat();
  }

  giveBack() {
    const body = new Blob([JSON.stringify({ holders: [this.id] })], { type: "application/json" });
    // The next page says so again, before it asks: this may arrive later than that.
    navigator.sendBeacon(`${this.api}/leases`, body);
  }

  /* A page that the browser kept is another one to the server, which heard that it was gone. */
  async comeBack() {
    this.letGo();
    this.id = newId();
    await this.holdLock();
    this.remember();
    this.onHeartbeat();
  }

  send(holders) {
    return fetch(`${this.api}/leases`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ holders }),
      signal: AbortSignal.timeout(SEND_TIMEOUT_MS),
    });
  }

  holdLock() {
    if (!navigator.locks) return Promise.resolve();
    return new Promise((resolve) => {
      navigator.locks
        .request(this.prefix + this.id, () => {
          resolve();
          return new Promise((release) => {
            this.letGo = release;
          });
        })
        .catch(resolve);
    });
  }

  /* Returns the pages of this browser that are gone without having said so. */
  async orphans() {
    if (!navigator.locks) {
      // Without locks only what this very tab showed before is known to be gone.
      const before = sessionStorage.getItem(this.prefix);
      return before && before !== this.id ? [before] : [];
    }
    const gone = [];
    for (const key of this.known().filter((one) => one !== this.prefix + this.id)) {
      await navigator.locks.request(key, { ifAvailable: true }, (lock) => {
        if (lock !== null) gone.push(key.slice(this.prefix.length));
      });
    }
    return gone;
  }

  known() {
    try {
      return Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
    } catch {
      return [];
    }
  }

  remember() {
    try {
      sessionStorage.setItem(this.prefix, this.id);
      localStorage.setItem(this.prefix + this.id, "");
    } catch {
      // Then what it holds expires by itself.
    }
  }

  forget(key) {
    try {
      localStorage.removeItem(key);
    } catch {
      // As above.
    }
  }
}
