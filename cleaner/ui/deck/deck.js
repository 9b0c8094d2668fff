/*
 * The review deck.
 *
 * Promises kept here:
 *  - A key counts for the image on the screen: only once that image is complete.
 *  - A decision is written to localStorage before the next image shows, carries an id of its
 *    own, and is sent until the server says that it has it. The server takes each id once.
 *  - The ranking follows the decisions, but never under the fingers: the image on the screen
 *    and the ones decoded after it stay in their order; what comes later is the server's.
 *  - Names are set as text, never as markup.
 */

const PAGE = 50; // queue entries fetched at a time
const MOST = 200; // that the server gives at a time
const REFILL_BELOW = 25;
const AHEAD = 8; // pictures decoded before they are needed
const BEHIND = 4; // pictures kept for an undo
const BATCH = 50;
const FOLLOW_MS = 800; // from an answer until the ranking has followed, and is asked for
const SETTLE_MS = 3000;
const ANSWER_MS = 1500;
const POST_TIMEOUT_MS = 15000;
const RETRY_MS = [300, 700, 1500, 3000, 5000];
const SHOW_SAVING_AFTER_MS = 300;
const THUMB_SIDE = 160;

// ---------------------------------------------------------------- small things

function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function button(className, ...children) {
  const node = el("button", className, ...children);
  node.type = "button";
  // A click must not take the focus: Space would press the button again.
  node.addEventListener("mousedown", (event) => event.preventDefault());
  return node;
}

function keycap(text) {
  return el("kbd", "", text);
}

function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // randomUUID exists on secure origins only; a plain address on the local network is none.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function percent(probability) {
  if (probability > 0.99 && probability < 1) return "> 99%";
  if (probability > 0 && probability < 0.01) return "< 1%";
  return `${Math.round(100 * probability)}%`;
}

async function getJson(url) {
  const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(20000) });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error || `The server answered ${answer.status}.`);
  return body;
}

// ---------------------------------------------------------------- the outbox

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

  add(entry) {
    this.entries.push(entry);
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
    const answer = await fetch(`${this.api}/decisions`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(batch),
      // Lets the last decision arrive although the tab is being closed.
      keepalive: true,
      signal: AbortSignal.timeout(POST_TIMEOUT_MS),
    });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(body.error || `The server answered ${answer.status}.`);
    return body;
  }

  close() {
    this.closed = true;
    clearTimeout(this.retry);
    this.releaseTab();
  }
}

// ---------------------------------------------------------------- pictures

class Pictures {
  /* Images decoded before they are needed. */

  constructor(api, onBroken) {
    this.api = api;
    this.onBroken = onBroken;
    this.kept = new Map();
    this.broken = new Map();
    this.side = window.devicePixelRatio > 1.25 ? 1600 : 960;
  }

  url(item, side) {
    return `${this.api}/image/${item.item_id}?v=${item.v}&side=${side}`;
  }

  get(item) {
    let image = this.kept.get(item.item_id);
    if (!image) {
      image = new Image();
      image.alt = item.path;
      image.draggable = false;
      image.dataset.itemId = item.item_id;
      this.kept.set(item.item_id, image);
      this.load(image, item);
    }
    return image;
  }

  load(image, item) {
    image.src = this.url(item, this.side);
    image.onerror = () => this.explain(image, item);
    image.decode().catch(() => {});
  }

  async explain(image, item) {
    try {
      await getJson(`${this.url(item, this.side)}&why=1`);
    } catch (error) {
      if (!(error instanceof TypeError) && error.name !== "TimeoutError") {
        this.broken.set(item.item_id, error.message);
        this.onBroken(item);
        return;
      }
    }
    // The server is away, not the picture.
    setTimeout(() => {
      if (this.kept.get(item.item_id) === image) this.load(image, item);
    }, 1500);
  }

  keepOnly(items) {
    const wanted = new Set(items.map((item) => item.item_id));
    for (const itemId of this.kept.keys()) if (!wanted.has(itemId)) this.kept.delete(itemId);
  }
}

// ---------------------------------------------------------------- what is on the screen

const HELP = [
  ["A", "Enter", "The label is right: keep it"],
  ["M", "Space", "Move to the suggested label"],
  ["1", "9", "Move to the class with this number"],
  ["/", "", "Search all classes, then Enter"],
  ["X", "", "Exclude: it belongs to no class"],
  ["S", "", "Skip: decide in the next round"],
  ["U", "Ctrl Z", "Undo, the latest first"],
  ["Z", "", "Larger picture, and back"],
  ["?", "", "This list"],
];

class Screen {
  /* The deck's elements, and how one item is drawn into them. */

  constructor(parent, deck) {
    this.deck = deck;
    this.names = new Map();
    this.root = el("div", "deck");
    this.root.append(this.topBar(), this.body());
    this.root.append(this.searchBox(), this.helpBox());
    parent.append(this.root);
  }

  name(className) {
    return this.names.get(className) ?? className;
  }

  topBar() {
    this.leftWords = el("span", "left");
    this.bar = el("span", "bar-fill");
    this.sessionWords = el("span", "session");
    this.savedWords = el("span", "saved-words");
    this.saved = el("span", "saved", el("span", "dot"), this.savedWords);
    this.saved.setAttribute("role", "status");
    const help = button("quiet", keycap("?"), " Keys");
    help.addEventListener("click", () => this.toggleHelp());
    return el(
      "div", "top",
      this.leftWords, el("span", "bar", this.bar), this.sessionWords, this.saved, help,
    );
  }

  body() {
    this.picture = el("div", "picture");
    this.verdict = el("div", "verdict");
    this.verdict.setAttribute("aria-live", "polite");
    this.caption = el("figcaption", "caption");
    this.stage = el("figure", "stage", this.picture, this.verdict, this.caption);
    this.end = el("div", "end");
    this.end.hidden = true;
    this.content = el("div", "body", el("div", "show", this.stage, this.strip()), this.panel());
    return el("div", "middle", this.content, this.end);
  }

  panel() {
    this.currentRow = this.labelRow("current");
    this.suggestedRow = this.labelRow("suggested");
    this.reasons = el("ul", "reasons");
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
    return el(
      "aside", "panel",
      el("div", "labels", this.currentRow.root, this.suggestedRow.root),
      this.reasons,
      el("div", "actions", this.accept, this.move, small),
      this.classes,
    );
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
    this.names = new Map(classes.map((one) => [one.name, one.shown]));
    this.chips = classes.slice(0, 9).map((one, index) => {
      const chip = button("chip", keycap(String(index + 1)), el("span", "name", one.shown));
      chip.addEventListener("click", () => this.deck.moveTo(one.name));
      chip.dataset.name = one.name;
      return chip;
    });
    const all = button("chip more", keycap("/"), el("span", "name", `Search ${classes.length} classes`));
    all.addEventListener("click", () => this.openSearch());
    this.classes.replaceChildren(...this.chips, all);
  }

  // -- one item

  drawItem(item) {
    this.content.hidden = false;
    this.end.hidden = true;
    const isGiven = item.current_label === item.given_label;
    this.drawRow(this.currentRow, isGiven ? "Given label" : "Current label",
      item.current_label, item.self_confidence);
    const suggests = item.suggested_label !== item.current_label;
    this.suggestedRow.root.classList.toggle("none", !suggests);
    if (suggests) {
      this.drawRow(this.suggestedRow, "Suggested label",
        item.suggested_label, item.suggested_confidence);
    } else {
      this.drawRow(this.suggestedRow, "Suggested label", null, 0);
    }
    const reasons = isGiven
      ? item.reasons
      : [...item.reasons, `Given label: ${this.name(item.given_label)}`];
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
    row.name.textContent = className === null ? "the same" : this.name(className);
    row.value.textContent = className === null ? "" : percent(probability);
    row.fill.style.width = `${(100 * probability).toFixed(1)}%`;
  }

  drawPicture(image) {
    if (this.picture.firstChild !== image) this.picture.replaceChildren(image);
  }

  drawBroken(reason) {
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

  drawCounters({ left, flagged, session, perMinute }) {
    const total = Math.max(flagged, left);
    this.leftWords.textContent = `${left.toLocaleString("en")} left of ${total.toLocaleString("en")}`;
    this.bar.style.width = total ? `${(100 * (total - left)) / total}%` : "100%";
    const pace = perMinute ? ` · ${perMinute} a minute` : "";
    this.sessionWords.textContent = session ? `${session} this session${pace}` : "";
  }

  drawSaved(state, words) {
    this.saved.dataset.state = state;
    this.savedWords.textContent = words;
  }

  flash(kind, words) {
    this.verdict.className = `verdict ${kind}`;
    this.verdict.textContent = words;
    // Restarts the fading.
    this.verdict.getAnimations?.().forEach((animation) => {
      animation.cancel();
      animation.play();
    });
  }

  // -- class search

  searchBox() {
    this.searchInput = el("input", "search-input");
    this.searchInput.type = "text";
    this.searchInput.placeholder = "Move to which class?";
    this.searchInput.autocomplete = "off";
    this.searchInput.spellcheck = false;
    this.searchInput.setAttribute("aria-label", "Move to which class?");
    this.searchInput.addEventListener("input", () => this.fillSearch());
    this.searchInput.addEventListener("blur", () => this.closeSearch());
    this.searchList = el("div", "search-list");
    this.searchList.setAttribute("role", "listbox");
    this.search = el(
      "div", "overlay",
      el("div", "search", this.searchInput, this.searchList,
        el("div", "search-hint", keycap("↑"), keycap("↓"), " choose  ", keycap("Enter"), " move  ",
          keycap("Esc"), " back")),
    );
    this.search.hidden = true;
    return this.search;
  }

  get searching() {
    return !this.search.hidden;
  }

  openSearch() {
    if (!this.deck.current) return;
    this.search.hidden = false;
    this.searchInput.value = "";
    this.fillSearch();
    this.searchInput.focus();
  }

  closeSearch() {
    if (!this.searching) return;
    this.search.hidden = true;
    this.searchInput.blur();
  }

  fillSearch() {
    const typed = this.searchInput.value.trim().toLocaleLowerCase();
    const found = [...this.names]
      .filter(([, shown]) => shown.toLocaleLowerCase().includes(typed))
      .sort((a, b) => {
        const starts = (entry) => (entry[1].toLocaleLowerCase().startsWith(typed) ? 0 : 1);
        return starts(a) - starts(b);
      })
      .slice(0, 50);
    this.searchList.replaceChildren(...found.map(([name, shown]) => this.searchOption(name, shown)));
    if (!found.length) this.searchList.append(el("div", "search-none", "No class with these letters."));
    this.highlight(0);
  }

  searchOption(name, shown) {
    const option = el("div", "option", el("span", "name", shown));
    option.setAttribute("role", "option");
    option.dataset.name = name;
    if (name === this.deck.current?.current_label) option.append(el("span", "tag", "current"));
    else if (name === this.deck.current?.suggested_label) option.append(el("span", "tag", "suggested"));
    option.addEventListener("mousedown", (event) => {
      event.preventDefault();
      this.closeSearch();
      this.deck.moveTo(name);
    });
    return option;
  }

  highlight(index) {
    const options = [...this.searchList.querySelectorAll(".option")];
    this.chosen = options.length ? (index + options.length) % options.length : 0;
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === this.chosen)));
    options[this.chosen]?.scrollIntoView({ block: "nearest" });
  }

  searchKey(event) {
    const handlers = {
      ArrowDown: () => this.highlight(this.chosen + 1),
      ArrowUp: () => this.highlight(this.chosen - 1),
      Escape: () => this.closeSearch(),
      Enter: () => this.takeSearch(),
    };
    if (event.isComposing || !handlers[event.key]) return;
    event.preventDefault();
    handlers[event.key]();
  }

  takeSearch() {
    const option = this.searchList.querySelectorAll(".option")[this.chosen];
    if (!option) return;
    this.closeSearch();
    this.deck.moveTo(option.dataset.name);
  }

  // -- help

  helpBox() {
    const rows = HELP.map(([first, second, words]) => {
      const joint = first === "1" ? "–" : " or ";
      const caps = second ? [keycap(first), joint, keycap(second)] : [keycap(first)];
      return el("div", "help-row", el("span", "help-caps", ...caps), el("span", "", words));
    });
    const close = button("quiet help-close", keycap("Esc"), " Close");
    close.addEventListener("click", () => this.toggleHelp());
    const box = el("div", "help", el("div", "help-title", "One key, one image"), ...rows, close);
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-label", "Keys");
    this.help = el("div", "overlay", box);
    this.help.hidden = true;
    this.help.addEventListener("click", (event) => {
      if (event.target === this.help) this.toggleHelp();
    });
    return this.help;
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
  }

  toggleZoom() {
    this.root.classList.toggle("zoomed");
  }

  // -- fits what is left of the window, so that nothing scrolls

  fit() {
    const top = this.root.getBoundingClientRect().top + (this.scroller()?.scrollTop ?? 0);
    const height = Math.max(420, Math.floor(window.innerHeight - top - 18));
    this.root.style.height = `${height}px`;
  }

  scroller() {
    return document.querySelector('[data-testid="stMain"]');
  }
}

// ---------------------------------------------------------------- the deck

const TYPED_INTO = "input, textarea, select, [contenteditable=''], [contenteditable=true]";
const PRESSED = "button, a[href], summary, [role=button], [role=tab], [role=checkbox], [role=option], [role=menuitem], [role=combobox]";

class Deck {
  constructor(parent) {
    this.screen = new Screen(parent, this);
    this.queue = [];
    this.undoStack = [];
    this.decided = new Set();
    this.left = 0;
    this.flagged = 0;
    this.session = { count: 0, times: [] };
    this.changed = false;
    this.generation = 0;
    this.onKey = (event) => this.key(event);
    this.onResize = () => this.screen.fit();
    this.onWake = () => this.outbox?.flush();
    window.addEventListener("keydown", this.onKey, { capture: true });
    window.addEventListener("resize", this.onResize);
    window.addEventListener("online", this.onWake);
    this.observer = new ResizeObserver(this.onResize);
    const main = this.screen.scroller()?.firstElementChild;
    if (main) this.observer.observe(main);
  }

  close() {
    window.removeEventListener("keydown", this.onKey, { capture: true });
    window.removeEventListener("resize", this.onResize);
    window.removeEventListener("online", this.onWake);
    this.observer.disconnect();
    clearTimeout(this.settleTimer);
    clearTimeout(this.reloadTimer);
    clearTimeout(this.followTimer);
    clearTimeout(this.cardTimer);
    this.outbox?.close();
    this.generation += 1;
    this.screen.root.remove();
  }

  /* Takes what the page says; called again whenever that changes. */
  receive(data, say) {
    this.say = say;
    this.end = data.end;
    this.flagged = data.flagged;
    if (!this.outbox) this.start(data);
    else if (this.round !== data.round) {
      this.round = data.round;
      this.load();
    } else {
      this.show();
    }
    this.screen.fit();
  }

  async start(data) {
    this.api = data.api;
    this.round = data.round;
    this.pictures = new Pictures(this.api, () => this.show());
    this.outbox = new Outbox(this.api, {
      onState: () => this.drawSaved(),
      onAnswer: (answer) => this.answered(answer),
    });
    this.session.count = Number(sessionStorage.getItem(`cleaner:session:${this.api}`) || 0);
    await this.outbox.open();
    await this.load();
  }

  /* Fetches queue and history anew; what was not sent yet goes first, so that both know it. */
  async load() {
    const generation = ++this.generation;
    this.loading = true;
    clearTimeout(this.reloadTimer);
    this.show();
    await this.outbox.adoptOrphans();
    await this.outbox.flush();
    try {
      const page = await getJson(`${this.api}/queue?limit=${PAGE}`);
      const history = await getJson(`${this.api}/history?limit=100`);
      if (generation !== this.generation) return;
      this.queue = [];
      this.decided = new Set();
      this.left = page.left;
      this.undoStack = history.decisions.reverse();
      this.screen.setClasses(page.classes);
      this.takePage(page, PAGE);
      this.loading = false;
      this.show();
    } catch (error) {
      if (generation !== this.generation) return;
      this.problem = error.message;
      this.reloadTimer = setTimeout(() => this.load(), 2000);
      this.show();
    }
  }

  /* Takes the worst that await a decision now, behind what is shown and what comes next. */
  takePage(page, limit) {
    const fresh = new Map(page.items.map((item) => [item.item_id, item]));
    // What is not on the screen yet may change its words, but not its place.
    const next = this.queue
      .slice(0, AHEAD + 1)
      .map((item, at) => (at > 0 && fresh.get(item.item_id)) || item);
    const taken = [...next, ...this.outbox.entries].map((one) => one.item_id);
    const known = new Set([...taken, ...this.decided]);
    this.queue = [...next, ...page.items.filter((item) => !known.has(item.item_id))];
    this.exhausted = page.items.length < limit;
    if (!this.outbox.entries.length) this.left = page.left;
  }

  refill() {
    if (!this.exhausted && this.queue.length < REFILL_BELOW) this.fetchQueue();
  }

  /* Fetches what the ranking has become; once for all answers within a moment. */
  follow() {
    this.followTimer ??= setTimeout(() => {
      this.followTimer = null;
      this.fetchQueue();
    }, FOLLOW_MS);
  }

  async fetchQueue() {
    if (this.refilling || this.loading) return;
    this.refilling = true;
    const generation = this.generation;
    // What is held or on its way may be among the worst; a page of others is wanted.
    const limit = Math.min(MOST, PAGE + AHEAD + 1 + this.outbox.entries.length);
    try {
      const page = await getJson(`${this.api}/queue?after=-1&limit=${limit}`);
      if (generation === this.generation) {
        const [wasEmpty, wasExhausted] = [this.queue.length === 0, this.exhausted];
        this.takePage(page, limit);
        this.prefetch();
        this.drawCounters();
        if (wasEmpty && (this.queue.length || !wasExhausted)) this.show();
      }
    } catch {
      setTimeout(() => this.refill(), 2000);
    } finally {
      this.refilling = false;
    }
  }

  get current() {
    return this.loading ? null : (this.queue[0] ?? null);
  }

  // -- deciding

  /* Whether the picture on the screen is complete and is the one a key would decide about. */
  ready(item) {
    const image = this.screen.picture.firstChild;
    return (
      image instanceof HTMLImageElement &&
      Number(image.dataset.itemId) === item.item_id &&
      image.complete &&
      image.naturalWidth > 0
    );
  }

  mayDecide(item, action) {
    if (this.ready(item)) return true;
    return this.pictures.broken.has(item.item_id) && (action === "exclude" || action === "skip");
  }

  decide(action, label = null) {
    const item = this.current;
    if (!item) return;
    if (!this.mayDecide(item, action)) {
      this.screen.flash("wait", "Wait for the picture");
      return;
    }
    const entry = { op_id: newId(), item_id: item.item_id, action, label, undoes: null };
    this.queue.shift();
    this.decided.add(item.item_id);
    this.undoStack.push({ op_id: entry.op_id, action, item });
    if (item.flagged) this.left -= 1;
    this.count(1);
    this.outbox.add(entry);
    this.screen.flash(action, this.sentence(action, item, label));
    this.show();
    this.refill();
  }

  sentence(action, item, label) {
    const words = {
      accept: () => `Kept ${this.screen.name(item.current_label)}`,
      move: () => `Moved to ${this.screen.name(label)}`,
      exclude: () => "Excluded",
      skip: () => "Skipped",
    };
    return words[action]();
  }

  moveToSuggested() {
    const item = this.current;
    if (!item) return;
    if (item.suggested_label === item.current_label) {
      this.screen.flash("wait", "No other label is suggested; press a number or /");
      return;
    }
    this.decide("move", item.suggested_label);
  }

  moveTo(name) {
    const item = this.current;
    if (!item) return;
    if (name === item.current_label) this.decide("accept");
    else this.decide("move", name);
  }

  moveToNumber(number) {
    const name = this.screen.chips?.[number - 1]?.dataset.name;
    if (name !== undefined) this.moveTo(name);
  }

  async undo() {
    if (this.loading) return;
    if (!this.undoStack.length && !this.outbox.entries.length) await this.fetchHistory();
    const entry = this.undoStack.pop();
    if (!entry) {
      this.screen.flash("wait", "Nothing to undo");
      return;
    }
    const item = entry.item;
    this.decided.delete(item.item_id);
    this.queue = [item, ...this.queue.filter((other) => other.item_id !== item.item_id)];
    if (item.flagged) this.left += 1;
    this.count(-1);
    this.outbox.add({
      op_id: newId(), item_id: item.item_id, action: "undo", label: null, undoes: entry.op_id,
    });
    this.screen.flash("undo", "Taken back");
    this.show();
  }

  async fetchHistory() {
    try {
      const history = await getJson(`${this.api}/history?limit=100`);
      if (!this.undoStack.length) this.undoStack = history.decisions.reverse();
    } catch {
      // Offline: only what this tab decided can be taken back for now.
    }
  }

  answered(answer) {
    if (!this.outbox.entries.length) this.left = answer.left;
    for (const { op_id: opId, reason } of answer.rejected) this.rejected(opId, reason);
    this.drawCounters();
    this.settleSoon();
    this.follow();
  }

  rejected(opId, reason) {
    const at = this.undoStack.findIndex((entry) => entry.op_id === opId);
    if (at < 0) return;
    const [{ item }] = this.undoStack.splice(at, 1);
    this.decided.delete(item.item_id);
    this.queue.splice(1, 0, item);
    this.screen.flash("problem", reason);
    this.show();
  }

  count(decisions) {
    this.session.count = Math.max(0, this.session.count + decisions);
    if (decisions > 0) this.session.times = [...this.session.times, Date.now()].slice(-30);
    sessionStorage.setItem(`cleaner:session:${this.api}`, String(this.session.count));
    this.changed = true;
    this.settleSoon();
  }

  perMinute() {
    const times = this.session.times;
    if (times.length < 5) return 0;
    return Math.round((60000 * (times.length - 1)) / Math.max(1, times.at(-1) - times[0]));
  }

  /* Lets the page read its counters again, once, after typing stopped. */
  settleSoon() {
    clearTimeout(this.settleTimer);
    this.settleTimer = setTimeout(() => {
      if (!this.changed || this.outbox.entries.length) return;
      this.changed = false;
      this.say("settled", newId());
      // The page answers only if what it says has changed.
      if (!this.current) this.cardTimer = setTimeout(() => this.show(), ANSWER_MS);
    }, this.current ? SETTLE_MS : 0);
  }

  // -- drawing

  show() {
    const item = this.current;
    if (item) this.showItem(item);
    else this.showNone();
    this.drawCounters();
    this.drawSaved();
    this.prefetch();
  }

  showItem(item) {
    const image = this.pictures.get(item);
    const reason = this.pictures.broken.get(item.item_id);
    if (reason === undefined) this.screen.drawPicture(image);
    else this.screen.drawBroken(reason);
    this.screen.drawItem(item);
  }

  showNone() {
    this.screen.root.classList.remove("zoomed");
    if (this.loading || !this.exhausted) {
      this.screen.drawMessage("Fetching the queue", this.problem ?? "");
      return;
    }
    if (this.changed) {
      // The page does not know yet what follows; it is asked at once.
      this.screen.drawMessage("All suspects are reviewed", "");
      this.settleSoon();
      return;
    }
    const { title, detail, button: words } = this.end;
    const action = words ? { words, run: () => this.press() } : null;
    this.screen.drawMessage(title, detail, { action, mayUndo: true });
  }

  async press() {
    await this.outbox.flush();
    if (!this.outbox.entries.length) this.say("pressed", newId());
  }

  prefetch() {
    if (this.loading || !this.pictures) return;
    const ahead = this.queue.slice(0, AHEAD + 1);
    const behind = this.undoStack.slice(-BEHIND).map((entry) => entry.item);
    for (const item of ahead) this.pictures.get(item);
    this.pictures.keepOnly([...ahead, ...behind]);
    this.screen.drawStrip(this.queue.slice(1, AHEAD + 1), this.pictures);
  }

  drawCounters() {
    this.screen.drawCounters({
      left: Math.max(0, this.left),
      flagged: this.flagged,
      session: this.session.count,
      perMinute: this.perMinute(),
    });
  }

  drawSaved() {
    const waiting = this.outbox.entries.length;
    clearTimeout(this.savingTimer);
    if (!waiting) {
      this.screen.drawSaved("saved", "All saved");
    } else if (this.outbox.failures) {
      const why = this.outbox.problem || "The server does not answer.";
      this.screen.drawSaved("offline", `${waiting} kept in this browser. ${why} Trying again.`);
    } else {
      // In words only when it takes long enough to be read.
      this.screen.saved.dataset.state = "saving";
      this.savingTimer = setTimeout(
        () => this.screen.drawSaved("saving", `Saving ${waiting}`), SHOW_SAVING_AFTER_MS,
      );
    }
  }

  // -- keys

  key(event) {
    const target = event.composedPath()[0];
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey);
    if (target === this.screen.searchInput) {
      // The page's own shortcuts must not see what is typed here.
      event.stopPropagation();
      this.screen.searchKey(event);
      return;
    }
    if (!this.isOurs(event, target, isUndo)) return;
    const run = isUndo && !event.shiftKey ? () => this.undo() : this.handler(event);
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  }

  isOurs(event, target, isUndo) {
    if (event.repeat || event.isComposing || event.defaultPrevented) return false;
    if ((event.ctrlKey || event.metaKey || event.altKey) && !isUndo) return false;
    if (!this.screen.root.isConnected || document.querySelector("[role=dialog][aria-modal=true]")) {
      return false;
    }
    const element = target instanceof Element ? target : null;
    if (element?.closest(TYPED_INTO) && !isTickBox(element)) return false;
    // Enter and Space belong to whatever control the person has tabbed to.
    const presses = event.key === "Enter" || event.key === " ";
    return !(presses && element && (element.closest(PRESSED) || isTickBox(element)));
  }

  handler(event) {
    if (!this.screen.help.hidden) {
      return ["Escape", "?"].includes(event.key) ? () => this.screen.toggleHelp() : null;
    }
    if (/^[1-9]$/.test(event.key)) return () => this.moveToNumber(Number(event.key));
    const handlers = {
      a: () => this.decide("accept"),
      enter: () => this.decide("accept"),
      m: () => this.moveToSuggested(),
      " ": () => this.moveToSuggested(),
      x: () => this.decide("exclude"),
      s: () => this.decide("skip"),
      u: () => this.undo(),
      z: () => this.screen.toggleZoom(),
      "/": () => this.screen.openSearch(),
      "?": () => this.screen.toggleHelp(),
    };
    return handlers[event.key.toLowerCase()] ?? null;
  }
}

function isTickBox(element) {
  return element.matches("input[type=checkbox], input[type=radio]");
}

// ---------------------------------------------------------------- mounting

const decks = new WeakMap();

export default function mount({ parentElement, data, setTriggerValue }) {
  let deck = decks.get(parentElement);
  if (!deck) {
    deck = new Deck(parentElement);
    decks.set(parentElement, deck);
  }
  deck.receive(data, setTriggerValue);
  return () => {
    deck.close();
    decks.delete(parentElement);
  };
}
