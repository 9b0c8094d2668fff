/* What is to become of each image of a page. */

class Choices {
  /*
   * One of four for each image:
   *   move     to the suggested label, or to the class that was chosen instead
   *   keep     its label is right
   *   exclude  it belongs to no class
   *   aside    nothing is decided
   */

  constructor() {
    this.made = new Map();
    this.reasons = new Map();
    this.target = null; // a class chosen instead of what is suggested
  }

  label(item) {
    return this.target ?? item.suggested_label;
  }

  canMove(item) {
    return this.label(item) !== item.current_label;
  }

  of(item) {
    const made = this.made.get(item.item_id);
    if (made === "move" && !this.canMove(item)) return "keep";
    if (made) return made;
    // Nothing is decided unasked about what was refused, or what cannot be seen.
    if (this.reasons.has(item.item_id)) return "aside";
    return this.canMove(item) ? "move" : "aside";
  }

  set(item, choice) {
    this.made.set(item.item_id, choice);
  }

  /* Puts an image among those that are moved, or takes it out. */
  toggle(items) {
    const isPicked = items.every((item) => this.of(item) === this.picked(item));
    for (const item of items) this.set(item, isPicked ? this.spared(item) : this.picked(item));
  }

  picked(item) {
    return this.canMove(item) ? "move" : "keep";
  }

  spared(item) {
    return this.canMove(item) ? "keep" : "aside";
  }

  toggleExcluded(items) {
    const areOut = items.every((item) => this.of(item) === "exclude");
    for (const item of items) {
      if (areOut) this.made.delete(item.item_id);
      else this.set(item, "exclude");
    }
  }

  count(items) {
    const counts = { move: 0, keep: 0, exclude: 0, aside: 0 };
    for (const item of items) counts[this.of(item)] += 1;
    return counts;
  }
}
