/* Keys, clicks and touches: which image they are about, and what they ask of the grid. */

const HOLD_MS = 500;

class Gestures {
  /* Knows the focus, the place a range began at, and the marked places of the page. */

  constructor(grid) {
    this.grid = grid;
    this.reset();
    this.listeners = {
      keydown: (event) => this.key(event),
      pointerup: () => this.release(),
      pointercancel: () => this.release(),
    };
    for (const [kind, listener] of Object.entries(this.listeners)) {
      window.addEventListener(kind, listener, { capture: true });
    }
  }

  close() {
    clearTimeout(this.holdTimer);
    for (const [kind, listener] of Object.entries(this.listeners)) {
      window.removeEventListener(kind, listener, { capture: true });
    }
  }

  /* Begins with the first image of a page. */
  reset() {
    this.focus = 0;
    this.anchor = 0;
    this.marked = new Set();
  }

  /* The images that a key is about: the marked ones, else the one in focus. */
  get meant() {
    const { page } = this.grid;
    const places = this.marked.size ? [...this.marked].sort((a, b) => a - b) : [this.focus];
    return places.map((at) => page[at]).filter(Boolean);
  }

  get focused() {
    return this.grid.page[this.focus];
  }

  // -- going from image to image

  goTo(index, isRange) {
    this.focus = Math.max(0, Math.min(this.grid.page.length - 1, index));
    if (isRange) {
      this.markRange();
    } else {
      this.marked = new Set();
      this.anchor = this.focus;
    }
    this.grid.draw();
    this.grid.sheet.focusTile(this.focus);
  }

  markRange() {
    const [first, last] = [this.anchor, this.focus].sort((a, b) => a - b);
    this.marked = new Set(Array.from({ length: last - first + 1 }, (_, at) => first + at));
  }

  unmark() {
    this.marked = new Set();
  }

  // -- mouse and touch

  clicked(index, isRange) {
    if (this.wasHeld) return;
    const choice = this.grid.choices.of(this.grid.page[this.anchor]);
    this.goTo(index, isRange);
    // As a list of files does it: all up to here become what the first one was made.
    if (isRange) this.grid.choose(this.meant, choice);
    else this.grid.toggle();
  }

  /* Shows an image large for as long as it is held. */
  held(index, event) {
    this.wasHeld = false;
    if (event.button !== 0) return;
    clearTimeout(this.holdTimer);
    this.holdTimer = setTimeout(() => {
      this.wasHeld = true;
      this.isHolding = true;
      this.focus = index;
      this.grid.drawZoom();
    }, HOLD_MS);
  }

  release() {
    clearTimeout(this.holdTimer);
    if (!this.isHolding) return;
    this.isHolding = false;
    this.grid.closeZoom();
    this.grid.draw();
  }

  // -- keys

  key(event) {
    const { sheet } = this.grid;
    const target = event.composedPath()[0];
    const box = [sheet.search, sheet.who].find((one) => one.input === target);
    if (box) {
      box.key(event);
      return;
    }
    const arrow = this.arrow(event, target);
    if (!isFree(event, sheet.root, { mayRepeat: arrow !== null })) return;
    const run = arrow ?? this.handler(event);
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  }

  /* Returns what an arrow key does, or null. */
  arrow(event, target) {
    const { grid } = this;
    const { sheet } = grid;
    if (event.ctrlKey || event.metaKey || event.altKey || sheet.keys.isOpen) return null;
    const element = target instanceof Element ? target : null;
    if (sheet.lanes.root.contains(element)) {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      return by ? () => grid.openLane(sheet.lanes.beside(by)) : null;
    }
    // Elsewhere on the page arrows belong to the control they are pressed in.
    if (element?.closest(PRESSED) && !sheet.root.contains(element)) return null;
    const last = grid.page.length - 1;
    const places = {
      ArrowLeft: this.focus - 1, ArrowRight: this.focus + 1,
      ArrowUp: this.focus - sheet.columns, ArrowDown: this.focus + sheet.columns,
      Home: 0, End: last,
    };
    const place = places[event.key];
    if (place === undefined || last < 0) return null;
    return () => this.goTo(place, event.shiftKey);
  }

  handler(event) {
    const { grid } = this;
    const key = event.key.toLowerCase();
    if (event.altKey) return null;
    if (event.ctrlKey || event.metaKey) return this.editHandler(key, event.shiftKey);
    if (grid.sheet.keys.isOpen) {
      return ["escape", "?"].includes(key) ? () => grid.sheet.keys.toggle() : null;
    }
    const handlers = {
      enter: () => grid.goOn(),
      m: () => grid.settle("keep"),
      l: () => grid.settle("later"),
      " ": () => grid.toggle(),
      n: () => grid.pickAll(false),
      x: () => grid.exclude(),
      u: () => grid.undo(),
      r: () => grid.redo(),
      z: () => grid.toggleZoom(),
      b: () => grid.sayNotBlind(),
      "/": () => grid.openSearch(),
      "?": () => grid.sheet.keys.toggle(),
      escape: () => grid.escape(),
      ",": () => grid.openLane(grid.lanes.beside(-1)),
      ".": () => grid.openLane(grid.lanes.beside(1)),
      "+": () => grid.nextSize(1),
      "-": () => grid.nextSize(-1),
    };
    return handlers[key] ?? null;
  }

  /* What any list takes all with, and any editor takes back and brings back with. */
  editHandler(key, shifted) {
    const { grid } = this;
    if (key === "z") return shifted ? () => grid.redo() : () => grid.undo();
    const chords = { a: () => grid.pickAll(true), y: () => grid.redo() };
    return (!shifted && chords[key]) || null;
  }
}
