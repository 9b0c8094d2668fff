/* The room a component has, so that the page does not scroll; and what waits for a frame. */

const LEAST_HEIGHT_PX = 420;
const BELOW_PX = 18;
const BEHIND_MS = 4; // the frame, so that nothing delays it
const LATEST_MS = 150; // a tab that nobody sees draws no frames

class Frame {
  constructor(root) {
    this.root = root;
    this.scroller = document.querySelector('[data-testid="stMain"]');
    this.fit = this.fit.bind(this);
    window.addEventListener("resize", this.fit);
    this.observer = new ResizeObserver(this.fit);
    const main = this.scroller?.firstElementChild;
    if (main) this.observer.observe(main);
  }

  fit() {
    const top = this.root.getBoundingClientRect().top + (this.scroller?.scrollTop ?? 0);
    const height = Math.max(LEAST_HEIGHT_PX, Math.floor(window.innerHeight - top - BELOW_PX));
    this.root.style.height = `${height}px`;
  }

  close() {
    window.removeEventListener("resize", this.fit);
    this.observer.disconnect();
  }
}

class Afterwards {
  /* What a key changes besides the picture: done once the frame with the picture is drawn. */

  constructor() {
    this.runs = new Map();
    this.timer = null;
  }

  /* Has it done soon; of several of one name, the one that was asked for last. */
  ask(name, run) {
    this.runs.set(name, run);
    if (this.timer !== null) return;
    this.timer = setTimeout(() => this.run(), LATEST_MS);
    requestAnimationFrame(() => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.run(), BEHIND_MS);
    });
  }

  run() {
    const runs = [...this.runs.values()];
    this.close();
    for (const run of runs) run();
  }

  close() {
    clearTimeout(this.timer);
    this.timer = null;
    this.runs.clear();
  }
}
