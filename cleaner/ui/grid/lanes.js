/* The lanes: images with the same label and the same suggestion, and one with all suspects. */

const FEWEST = 12; // images for which a lane is worth opening first

class Lane {
  /* `current` and `suggested` are class names, or both null in the lane with all suspects. */

  constructor(current = null, suggested = null, count = 0) {
    this.current = current;
    this.suggested = suggested;
    this.count = count;
    this.key = JSON.stringify([current, suggested]);
  }

  get isAll() {
    return this.current === null;
  }

  /* What asks the server for this lane's part of the queue. */
  /* The part of the address that asks for it, within a selection. */
  query(selection) {
    const asked = selection.split("&").filter((part) => part && !this.narrows(part));
    if (!this.isAll) {
      asked.push(`current=${inQuery(this.current)}`, `suggested=${inQuery(this.suggested)}`);
    }
    return asked.map((part) => `&${part}`).join("");
  }

  /* Whether a lane says more exactly what this part of a selection says. */
  narrows(part) {
    return !this.isAll && /^(current|suggested)=/.test(part);
  }
}

class Lanes {
  /* The row of lanes; `onChosen` takes the lane that was pressed. */

  constructor({ shown, onChosen }) {
    this.shown = shown;
    this.onChosen = onChosen;
    this.all = [new Lane()];
    this.open = this.all[0];
    this.root = el("div", "lanes");
    this.root.setAttribute("role", "tablist");
    this.root.setAttribute("aria-label", "Lanes");
  }

  /* Takes the pairs with their counts, the largest first, and how many suspects there are. */
  set(pairs, total) {
    const lanes = pairs.map((pair) => new Lane(pair.current, pair.suggested, pair.count));
    const open = this.open;
    if (!open.isAll && !lanes.some((lane) => lane.key === open.key)) {
      // Its last image was decided just now; it stays in the row until it is left.
      lanes.push(new Lane(open.current, open.suggested, 0));
    }
    this.all = [new Lane(null, null, total), ...lanes];
    this.open = this.find(open.key);
  }

  find(key) {
    return this.all.find((lane) => lane.key === key) ?? this.all[0];
  }

  /* Where a person begins: the largest pair, or all suspects where none holds many. */
  get first() {
    const [all, largest] = this.all;
    return largest?.count >= FEWEST ? largest : all;
  }

  /* The largest pair other than the open one, or null. */
  get next() {
    return this.all.slice(1).find((lane) => lane.key !== this.open.key && lane.count > 0) ?? null;
  }

  /* The lane that all these images belong to; all suspects, if they belong to several. */
  of(items) {
    const keys = new Set(items.map((item) => new Lane(item.current_label, item.suggested_label).key));
    return keys.size === 1 ? this.find([...keys][0]) : this.all[0];
  }

  /* Counts images in or out of their lanes until the server has counted. */
  count(items, by) {
    for (const item of items) {
      if (!item.flagged) continue;
      this.all[0].count = Math.max(0, this.all[0].count + by);
      const lane = this.of([item]);
      if (!lane.isAll) lane.count = Math.max(0, lane.count + by);
    }
  }

  beside(step) {
    const at = this.all.findIndex((lane) => lane.key === this.open.key);
    return this.all[(at + step + this.all.length) % this.all.length];
  }

  draw() {
    const hadFocus = this.root.contains(this.root.getRootNode().activeElement);
    const scrolled = this.root.scrollLeft;
    this.root.replaceChildren(...this.all.map((lane) => this.chip(lane)));
    this.root.scrollLeft = scrolled;
    const open = this.root.querySelector("[aria-selected=true]");
    open?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (hadFocus) open?.focus();
  }

  chip(lane) {
    const count = el("span", "lane-count", lane.count.toLocaleString("en"));
    const chip = lane.isAll
      ? button("lane", el("span", "name", "All suspects"), count)
      : button("lane", el("span", "name", this.shown(lane.current)), el("span", "arrow", "→"),
        el("span", "name", this.shown(lane.suggested)), count);
    const isOpen = lane.key === this.open.key;
    chip.setAttribute("role", "tab");
    chip.setAttribute("aria-selected", String(isOpen));
    chip.tabIndex = isOpen ? 0 : -1;
    chip.addEventListener("click", () => this.onChosen(lane));
    return chip;
  }
}
