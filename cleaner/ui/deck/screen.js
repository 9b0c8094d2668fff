/* What is on the screen. */

const THUMB_SIDE = 160;

const KEYS = [
  [["A", "Enter"], " or ", "The label is right: keep it"],
  [["M", "Space"], " or ", "Move to the suggested label"],
  [["1", "9"], "–", "Move to the class with this number"],
  [["T", "/"], " or ", "Type a class, then Enter"],
  [["X"], "", "Exclude: it belongs to no class"],
  [["S"], "", "Skip: decide in the next round"],
  [["U", "Ctrl Z"], " or ", "Undo, the latest first"],
  [["R", "Ctrl Y"], " or ", "Redo what was undone"],
  [["B"], "", "Blind: see what the model says only after you have decided"],
  [["Z"], "", "Larger picture, and back"],
  [["+", "−"], " ", "Closer, to the pixels and past them; wheel, drag or double click"],
  [["E"], "", "Evidence: images like it, votes; or none"],
  [["W"], "", "Where the model looks, and back"],
  [["?"], "", "This list"],
];

class Screen {
  /* The deck's elements, and how one item is drawn into them. */

  constructor(parent, deck) {
    this.deck = deck;
    this.saved = new SavedSign();
    this.keys = new KeyList("One key, one image", KEYS);
    this.who = new Nameplate(() => this.deck.renamed());
    this.notice = new Notice({
      onLeave: () => this.deck.leave(),
      onAnew: () => this.deck.decideAnew(),
    });
    this.search = new ClassSearch({
      tagOf: (name) => this.tagOf(name),
      onChosen: (name) => this.deck.moveToTyped(name),
    });
    this.root = el("div", "surface deck");
    this.root.append(this.topBar(), this.body(), this.search.root, this.keys.root);
    parent.append(this.root);
  }

  name(className) {
    return this.search.shown(className);
  }

  topBar() {
    this.leftWords = el("span", "left");
    this.bar = el("span", "bar-fill");
    this.progress = el("span", "bar", this.bar);
    this.progress.setAttribute("role", "progressbar");
    this.progress.setAttribute("aria-label", "Reviewed");
    this.sessionWords = el("span", "session");
    this.blindSwitch = button("quiet blind-switch", keycap("B"), " Blind");
    this.blindSwitch.title = "Decide without knowing what the model suggests";
    this.blindSwitch.addEventListener("click", () => this.deck.toggleBlind());
    return el(
      "div", "top",
      this.leftWords, this.progress, this.sessionWords, this.saved.root,
      this.who.root, this.blindSwitch, this.keys.opener,
    );
  }

  body() {
    this.picture = el("div", "picture");
    this.verdict = new Verdict();
    this.caption = el("figcaption", "caption");
    this.loupe = new Loupe(this.picture, (item, side) => this.deck.pictures.url(item, side));
    this.stage = el("figure", "stage", this.picture, this.loupe.sign, this.verdict.root,
      this.caption);
    this.end = el("div", "end");
    this.end.hidden = true;
    this.content = el("div", "body", el("div", "show", this.stage, this.strip()), this.panel());
    return el("div", "middle", this.content, this.end);
  }

  panel() {
    this.currentRow = this.labelRow("current");
    this.suggestedRow = this.labelRow("suggested");
    this.reasons = el("ul", "reasons");
    this.reasons.setAttribute("aria-label", "Why it is suspect");
    this.acceptName = el("span", "name");
    this.moveName = el("span", "name");
    this.accept = this.action("accept", ["A", "Enter"], "Keep", this.acceptName, () =>
      this.deck.decide("accept"));
    this.move = this.action("move", ["M", "Space"], "Move to", this.moveName, () =>
      this.deck.moveToSuggested());
    const small = el(
      "div", "small-actions",
      this.action("exclude", ["X"], "Exclude", null, () => this.deck.decide("exclude")),
      this.action("skip", ["S"], "Skip", null, () => this.deck.decide("skip")),
      this.action("undo", ["U"], "Undo", null, () => this.deck.undo()),
    );
    this.classes = el("div", "classes");
    this.classes.setAttribute("role", "group");
    this.classes.setAttribute("aria-label", "Move to a class");
    // Filled by `Evidence`, which listens to its "rest" and "leave" events: see Deck.dwell.
    this.evidence = el("div", "evidence");
    this.actions = el("div", "actions", this.accept, this.move, small);
    // What changes its height with each image comes last, so that nothing moves under a finger.
    const panel = el(
      "aside", "panel",
      el("div", "labels", this.currentRow.root, this.suggestedRow.root),
      this.evidence,
      this.notice.root,
      this.actions,
      this.classes,
      this.reasons,
    );
    panel.setAttribute("aria-label", "Decide");
    return panel;
  }

  labelRow(kind) {
    const row = {
      title: el("span", "row-title"), name: el("span", "name"),
      value: el("span", "value"), fill: el("span", "fill"),
    };
    row.root = el(
      "div", `row ${kind}`, row.title,
      el("div", "row-line", row.name, row.value), el("span", "track", row.fill),
    );
    return row;
  }

  action(kind, keys, words, name, run) {
    const caps = el("span", "caps", ...keys.map(keycap));
    const node = button(`action ${kind}`, el("span", "words", words), name ?? "", caps);
    node.addEventListener("click", run);
    return node;
  }

  strip() {
    this.stripItems = el("div", "strip");
    this.stripItems.setAttribute("aria-hidden", "true");
    return this.stripItems;
  }

  // -- the list of classes

  setClasses(classes) {
    this.search.setClasses(classes);
    this.drawNumbers();
  }

  /* Draws what the number keys stand for; a number nobody uses yet keeps its place. */
  drawNumbers() {
    const { places } = this.deck.numbers;
    this.chips = places.map((name, at) => (name === null ? freeChip(at + 1) : this.chip(name, at + 1)));
    const all = button("chip more", keycap("T"), el("span", "name", "Type a class"));
    all.title = `One of ${counted(this.search.names.size)}`;
    all.addEventListener("click", () => this.openSearch());
    this.classes.replaceChildren(...this.chips, all);
  }

  chip(name, number) {
    const chip = button("chip", keycap(String(number)), el("span", "name", this.name(name)));
    chip.addEventListener("click", () => this.deck.moveToNumber(number));
    chip.dataset.name = name;
    return chip;
  }

  // -- one item

  drawItem(item) {
    this.content.hidden = false;
    this.end.hidden = true;
    this.notice.draw(item.notice);
    if (item.notice) this.root.classList.remove("zoomed");
    this.actions.hidden = this.classes.hidden = Boolean(item.notice);
    const isGiven = item.current_label === item.given_label;
    this.drawRow(this.currentRow, isGiven ? "Given label" : "Current label",
      item.current_label, item.position < 0 ? null : item.self_confidence);
    const suggests = item.suggested_label !== item.current_label;
    this.suggestedRow.root.classList.toggle("none", !suggests);
    if (suggests) {
      this.drawRow(this.suggestedRow, "Suggested label",
        item.suggested_label, item.suggested_confidence);
    } else {
      this.drawRow(this.suggestedRow, "Suggested label", null, null);
      this.suggestedRow.name.textContent = unsaid(item);
    }
    const reasons = [...decidedBefore(item), ...item.reasons];
    if (item.is_blind) reasons.push("It measures how many labels are wrong: decide by the picture");
    if (!isGiven) reasons.push(`Given label: ${this.name(item.given_label)}`);
    this.reasons.replaceChildren(...reasons.slice(0, 4).map((reason) => el("li", "", reason)));
    this.acceptName.textContent = this.name(item.current_label);
    this.moveName.textContent = suggests ? this.name(item.suggested_label) : "another class";
    this.move.disabled = !suggests;
    for (const chip of this.chips ?? []) {
      chip.classList.toggle("is-current", chip.dataset.name === item.current_label);
      chip.classList.toggle("is-suggested", suggests && chip.dataset.name === item.suggested_label);
    }
    const labels = suggests
      ? `${this.name(item.current_label)} → ${this.name(item.suggested_label)}`
      : this.name(item.current_label);
    this.caption.replaceChildren(
      el("span", "path", item.path),
      el("span", "zoom-labels", labels),
      el("span", "facts", `${item.width} × ${item.height} · ${item.split}`),
    );
  }

  drawRow(row, title, className, probability) {
    row.title.textContent = title;
    row.name.textContent = this.name(className);
    row.value.textContent = probability === null ? "" : percent(probability);
    row.fill.style.width = `${(100 * (probability ?? 0)).toFixed(1)}%`;
  }

  drawPicture(image, item) {
    if (this.picture.firstChild !== image) this.picture.replaceChildren(image);
    this.loupe.show(image, item);
  }

  drawBroken(reason) {
    this.loupe.drop();
    this.picture.replaceChildren(
      el("div", "broken", el("strong", "", "This picture cannot be shown."),
        el("span", "", reason), el("span", "", "Exclude it or skip it.")),
    );
  }

  drawStrip(items, pictures) {
    const wanted = new Map(items.map((item) => [String(item.item_id), item]));
    for (const node of [...this.stripItems.children]) {
      if (wanted.has(node.dataset.thumbOf)) wanted.delete(node.dataset.thumbOf);
      else node.remove();
    }
    const nodes = new Map([...this.stripItems.children].map((node) => [node.dataset.thumbOf, node]));
    for (const [itemId, item] of wanted) {
      const image = new Image();
      image.alt = "";
      image.loading = "eager";
      image.dataset.thumbOf = itemId;
      image.src = pictures.url(item, THUMB_SIDE);
      nodes.set(itemId, image);
    }
    const ordered = items.map((item) => nodes.get(String(item.item_id)));
    ordered.forEach((node, index) => {
      if (this.stripItems.children[index] !== node) {
        this.stripItems.insertBefore(node, this.stripItems.children[index] ?? null);
      }
    });
  }

  drawMessage(title, words, { action = null, mayUndo = false } = {}) {
    this.content.hidden = true;
    this.end.hidden = false;
    const parts = [el("div", "end-title", title), el("div", "end-words", words)];
    if (action) {
      const node = button("end-action", action.words);
      node.addEventListener("click", action.run);
      parts.push(node);
    }
    if (mayUndo) parts.push(el("div", "end-hint", keycap("U"), " takes back the latest decision"));
    this.end.replaceChildren(...parts);
  }

  // -- counters

  drawCounters({ left, flagged, matching, session, perMinute }) {
    const total = Math.max(flagged, left);
    const which = matching ? " that match" : "";
    this.leftWords.textContent = `${counted(left)} left of ${counted(total)}${which}`;
    const done = total ? Math.round((1000 * (total - left)) / total) / 10 : 100;
    this.bar.style.width = `${done}%`;
    this.progress.setAttribute("aria-valuenow", String(done));
    const pace = perMinute ? ` · ${perMinute} a minute` : "";
    this.sessionWords.textContent = session ? `${session} this session${pace}` : "";
  }

  drawBlind(isBlind, { fixed = this.blindSwitch.disabled } = {}) {
    this.root.classList.toggle("blind", isBlind);
    this.blindSwitch.setAttribute("aria-pressed", String(isBlind));
    this.blindSwitch.disabled = fixed;
  }

  flash(kind, words, more = "") {
    this.verdict.say(kind, words, more);
  }

  // -- class search

  openSearch() {
    if (this.deck.current) this.search.open();
  }

  tagOf(name) {
    if (name === this.deck.current?.current_label) return "current";
    if (this.deck.isBlind) return "";
    return name === this.deck.current?.suggested_label ? "suggested" : "";
  }

  toggleZoom() {
    this.loupe.reset();
    this.root.classList.toggle("zoomed");
  }
}

function freeChip(number) {
  const chip = el("span", "chip free", keycap(String(number)));
  chip.title = "For the next class you type";
  chip.setAttribute("aria-hidden", "true");
  return chip;
}

/* Returns what stands where a suggestion would. */
function unsaid(item) {
  if (item.is_blind) return "none: looked at blind";
  return item.isVeiled ? "hidden until you decide" : "the same";
}

const STATUS_WORDS = {
  accepted: "Accepted", moved: "Moved here", excluded: "Excluded", skipped: "Skipped",
};

/* Returns who gave an image the status that it has, and who would not, as reasons to look again. */
function decidedBefore(item) {
  const words = STATUS_WORDS[item.status];
  if (!words || !item.decided) return [];
  const { reviewer, at } = item.decided;
  const first = { deed: reviewer ? `${words} by ${reviewer}` : words, decided_at: at };
  return [first, ...(item.opinions ?? [])].map(toldWithTime);
}
