/* What is on the screen: one page of small pictures. */

const GAP_PX = 6;
const CAPTION_PX = 18; // under each picture, where their labels differ
const [LEAST_TILE_PX, MOST_TILE_PX] = [36, 260]; // how high a picture is in the size "fit"

const KEYS = [
  [["Enter", "M"], " or ", "Move the ticked ones, keep the label of the others"],
  [["L"], "", "Move the ticked ones, leave the others for later"],
  [["Space"], "", "Tick or untick the one in focus, or the marked ones"],
  [["↑", "↓", "←", "→"], " ", "To another picture; with Shift, mark a range"],
  [["Ctrl A", "N"], " · ", "Tick all · tick none"],
  [["X"], "", "Exclude: it belongs to no class"],
  [["/"], "", "Move the ticked ones to another class"],
  [["U", "Ctrl Z"], " or ", "Undo the whole page"],
  [["R", "Ctrl Y"], " or ", "Redo the page that was undone"],
  [["Z"], "", "Larger picture, and back; or hold one"],
  [[",", "."], " ", "Lane before, lane after"],
  [["−", "+"], " ", "Smaller, larger"],
];

class Sheet {
  /* The grid's elements, and how a page is drawn into them. */

  constructor(parent, grid) {
    this.grid = grid;
    this.saved = new SavedSign();
    this.verdict = new Verdict();
    this.who = new Nameplate(() => grid.renamed());
    this.keys = new KeyList("One key, one page", KEYS);
    this.search = new ClassSearch({
      tagOf: (name) => this.tagOf(name),
      onChosen: (name) => grid.aim(name),
    });
    this.lanes = new Lanes({
      shown: (name) => this.search.shown(name),
      onChosen: (lane) => grid.openLane(lane),
    });
    this.tiles = [];
    this.columns = 1;
    this.root = el("div", "surface grid");
    this.root.append(this.topBar(), this.laneBar(), this.body(), this.search.root, this.zoomBox(),
      this.keys.root);
    parent.append(this.root);
  }

  topBar() {
    this.title = el("div", "title");
    const blind = button("quiet blind-switch", keycap("B"), " Blind");
    blind.title = "Lanes and ticks are what the model suggests; blind works one by one";
    blind.disabled = true;
    return el("div", "top", this.title, this.verdict.root, this.saved.root, this.who.root, blind,
      this.keys.opener);
  }

  laneBar() {
    this.sizes = this.choice("Size of the pictures", Object.entries(SIZES), (size) =>
      this.grid.resize({ size }));
    this.counts = this.choice("Pictures a page", COUNTS.map((count) => [count, String(count)]),
      (count) => this.grid.resize({ count }));
    return el("div", "lane-bar", this.lanes.root, this.counts, this.sizes);
  }

  choice(words, values, onChosen) {
    const group = el("div", "choice");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", words);
    group.title = words;
    for (const [value, shown] of values) {
      const one = button("choice-one", shown);
      one.dataset.value = value;
      one.addEventListener("click", () => onChosen(value));
      group.append(one);
    }
    return group;
  }

  drawChoice(group, value) {
    for (const one of group.children) {
      one.setAttribute("aria-pressed", String(one.dataset.value === String(value)));
    }
  }

  body() {
    this.cells = el("div", "cells");
    this.cells.setAttribute("role", "grid");
    this.cells.setAttribute("aria-multiselectable", "true");
    this.cells.addEventListener("scroll", () => this.grid.scrolled(), { passive: true });
    this.detail = el("div", "detail");
    this.content = el("div", "page", el("div", "stage", this.cells), this.detail, this.foot());
    this.end = el("div", "end");
    this.end.hidden = true;
    return el("div", "middle", this.content, this.end);
  }

  foot() {
    this.keepWords = el("span", "words");
    this.laterWords = el("span", "words");
    this.settleKeep = this.action("go", ["Enter"], this.keepWords, () => this.grid.settle("keep"));
    this.settleLater = this.action("later", ["L"], this.laterWords, () => this.grid.settle("later"));
    const words = (text) => el("span", "words", text);
    this.tick = this.action("", ["Space"], words("Tick"), () => this.grid.toggle());
    return el(
      "div", "foot", this.settleKeep, this.settleLater, el("span", "push"),
      this.action("", ["/"], words("Class"), () => this.grid.openSearch()),
      this.action("exclude", ["X"], words("Exclude"), () => this.grid.exclude()),
      this.action("", ["Z"], words("Zoom"), () => this.grid.toggleZoom()),
      this.action("", ["U"], words("Undo"), () => this.grid.undo()),
    );
  }

  action(kind, keys, words, run) {
    const node = button(`action ${kind}`, words, el("span", "caps", ...keys.map(keycap)));
    node.addEventListener("click", run);
    return node;
  }

  tagOf(name) {
    const lane = this.lanes.open;
    if (name === lane.current) return "current";
    return name === lane.suggested ? "suggested" : "";
  }

  // -- the lane

  drawTitle(lane, target) {
    const parts = lane.isAll
      ? [`${lane.count.toLocaleString("en")} suspects`]
      : [`${lane.count.toLocaleString("en")} labelled `, this.bold(lane.current)];
    if (!lane.isAll && lane.suggested !== lane.current) {
      parts.push(", suggested ", this.bold(lane.suggested));
    }
    if (target !== null) parts.push(" · moving to ", this.bold(target));
    this.title.replaceChildren(...parts);
  }

  laneWords(lane) {
    return [this.bold(lane.current), " → ", this.bold(lane.suggested),
      `, ${lane.count.toLocaleString("en")}`];
  }

  bold(className) {
    return el("b", "name", this.search.shown(className));
  }

  // -- the page

  /* Shows these images; `pictures` holds them decoded. */
  drawPage(items, pictures, { withLabels }) {
    const hadFocus = this.cells.contains(this.root.getRootNode().activeElement);
    this.content.hidden = false;
    this.end.hidden = true;
    this.withLabels = withLabels;
    this.tiles = items.map((item, index) => this.tile(item, index, pictures));
    this.fit();
    this.cells.scrollTop = 0;
    if (hadFocus) this.focusTile(0);
  }

  focusTile(index) {
    this.tiles[index]?.root.focus();
  }

  tile(item, index, pictures) {
    const root = el("div", "tile", el("span", "pill"));
    const tile = { item, root, pill: root.firstChild };
    root.setAttribute("role", "gridcell");
    root.dataset.itemId = item.item_id;
    root.title = item.path;
    root.prepend(pictures.get(item));
    if (this.withLabels) root.append(this.labels(item));
    this.listen(root, index);
    return tile;
  }

  labels(item) {
    return el("span", "tile-labels", el("span", "name", this.search.shown(item.current_label)), "→",
      el("span", "name", this.search.shown(item.suggested_label)));
  }

  listen(root, index) {
    const { gestures } = this.grid;
    root.addEventListener("click", (event) => gestures.clicked(index, event.shiftKey));
    root.addEventListener("pointerdown", (event) => gestures.held(index, event));
    root.addEventListener("contextmenu", (event) => {
      if (gestures.isHolding) event.preventDefault();
    });
  }

  drawBroken(index, reason) {
    const { root } = this.tiles[index];
    root.querySelector("img")?.replaceWith(el("span", "broken", reason));
  }

  /* Draws what is chosen for each image, which ones are marked, and where the focus is. */
  drawChoices(choices, marked, focus) {
    const words = { move: "✓", keep: "keep", exclude: "exclude", aside: "later" };
    this.tiles.forEach(({ item, root, pill }, index) => {
      const choice = choices.of(item);
      root.dataset.choice = choice;
      root.classList.toggle("marked", marked.has(index));
      root.classList.toggle("focused", index === focus);
      root.setAttribute("aria-selected", String(choice === "move"));
      root.setAttribute("aria-label", this.spoken(item, choice, choices));
      root.tabIndex = index === focus ? 0 : -1;
      pill.textContent = choices.reasons.has(item.item_id) && choice === "aside"
        ? choices.reasons.get(item.item_id)
        : words[choice];
    });
    this.drawFoot(choices);
    this.drawDetail(choices, this.tiles[focus]?.item);
  }

  spoken(item, choice, choices) {
    const becomes = {
      move: () => `moves to ${this.search.shown(choices.label(item))}`,
      keep: () => "keeps its label",
      exclude: () => "is excluded",
      aside: () => choices.reasons.get(item.item_id) ?? "is left for later",
    };
    return `${item.path}, labelled ${this.search.shown(item.current_label)}, ${becomes[choice]()}`;
  }

  drawFoot(choices) {
    const counts = choices.count(this.tiles.map((tile) => tile.item));
    this.keepWords.textContent = sentence(counts, "keep");
    this.laterWords.textContent = sentence(counts, "later");
    this.settleLater.hidden = counts.keep === 0;
  }

  drawDetail(choices, item) {
    if (!item) return;
    const suggests = item.suggested_label !== item.current_label;
    const labels = [this.search.shown(item.current_label), ` ${percent(item.self_confidence)}`];
    if (suggests) {
      labels.push(" → ", this.search.shown(item.suggested_label),
        ` ${percent(item.suggested_confidence)}`);
    }
    const reason = choices.reasons.get(item.item_id) ?? item.reasons[0] ?? "";
    this.detail.replaceChildren(el("span", "path", item.path), el("span", "facts", ...labels),
      el("span", "reason", reason));
  }

  // -- sizes

  /* Lays the pictures out; in the size "fit" the whole page is on the screen. */
  fit() {
    if (this.content.hidden || !this.tiles.length) return;
    const { size, count } = this.grid.look;
    const width = this.cells.clientWidth - 2 * GAP_PX;
    const height = this.cells.clientHeight - 2 * GAP_PX;
    const below = this.withLabels ? CAPTION_PX : 0;
    const shape = usualShape(this.tiles.map((tile) => tile.item));
    const high = HEIGHT_PX[size] ?? largestHeight({
      count: Math.min(count, this.tiles.length), width, height, below, shape,
    });
    const wide = Math.floor(high * shape);
    this.columns = Math.max(1, Math.floor((width + GAP_PX) / (wide + GAP_PX)));
    this.cells.style.setProperty("--high", `${high}px`);
    this.cells.style.setProperty("--wide", `${wide}px`);
    this.cells.style.setProperty("--columns", this.columns);
    this.cells.replaceChildren(...this.rows());
  }

  rows() {
    const rows = [];
    for (let start = 0; start < this.tiles.length; start += this.columns) {
      const cells = this.tiles.slice(start, start + this.columns).map((tile) => tile.root);
      const row = el("div", "cell-row", ...cells);
      row.setAttribute("role", "row");
      rows.push(row);
    }
    return rows;
  }

  drawLook({ size, count }) {
    this.drawChoice(this.sizes, size);
    this.drawChoice(this.counts, count);
  }

  // -- instead of a page

  drawMessage(title, words, { action = null, hint = null } = {}) {
    const told = [title, ...words.map((one) => one.textContent ?? one), action?.words].join("|");
    const isSame = this.content.hidden && this.told === told;
    this.told = told;
    // Not drawn anew under the finger that is about to press it.
    if (isSame) return;
    this.content.hidden = true;
    this.end.hidden = false;
    this.tiles = [];
    this.cells.replaceChildren();
    const parts = [el("div", "end-title", title), el("div", "end-words", ...words)];
    if (action) {
      const node = button("end-action", ...action.words);
      node.addEventListener("click", action.run);
      parts.push(node);
    }
    if (hint) parts.push(el("div", "end-hint", ...hint));
    this.end.replaceChildren(...parts);
  }

  // -- one picture, larger

  zoomBox() {
    this.zoomPicture = el("div", "zoom-picture");
    this.zoomCaption = el("figcaption", "zoom-caption");
    this.zoom = el("figure", "overlay zoom", this.zoomPicture, this.zoomCaption);
    this.zoom.hidden = true;
    this.zoom.addEventListener("click", () => this.grid.toggleZoom());
    return this.zoom;
  }

  drawZoom(image, item, choices) {
    this.zoom.hidden = false;
    if (this.zoomPicture.firstChild !== image) this.zoomPicture.replaceChildren(image);
    const choice = choices.of(item);
    this.zoom.dataset.choice = choice;
    this.zoomCaption.textContent = this.spoken(item, choice, choices);
  }
}

/* What a key will do with a page, in words. */
function sentence({ move, keep, exclude, aside }, rest) {
  const later = aside + (rest === "later" ? keep : 0);
  const parts = [
    move && `move ${move}`,
    rest === "keep" && keep && `keep ${keep}`,
    exclude && `exclude ${exclude}`,
    later && `leave ${later} for later`,
  ].filter(Boolean);
  const words = parts.join(", ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/* Width by height of the pictures in the middle of the page's range: few leave much blank. */
function usualShape(items) {
  const shapes = items.map((item) => item.width / Math.max(1, item.height)).sort((a, b) => a - b);
  return Math.min(1.5, Math.max(0.67, shapes[Math.floor(shapes.length / 2)] || 1));
}

/* The largest height at which so many of this shape, each with a caption below, fit. */
function largestHeight({ count, width, height, below, shape }) {
  let best = 0;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const across = (width - GAP_PX * (columns - 1)) / columns;
    const down = (height - GAP_PX * (rows - 1)) / rows - below;
    best = Math.max(best, Math.floor(Math.min(across / shape, down)));
  }
  return Math.min(MOST_TILE_PX, Math.max(LEAST_TILE_PX, best));
}
