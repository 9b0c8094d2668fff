/* The room a component has: what is left of the window, so that the page does not scroll. */

const LEAST_HEIGHT_PX = 420;
const BELOW_PX = 18;

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
