/*
 * The review deck.
 *
 * Promises kept here:
 *  - A key counts for the image on the screen: only once that image is complete.
 *  - A decision is in the outbox before the next image shows.
 *  - The ranking follows the decisions, but never under the fingers: the image on the screen
 *    and the ones decoded after it stay in their order; what comes later is the server's.
 *  - Names are set as text, never as markup.
 *  - To who reviews blind nothing tells what the model thinks of an image not decided yet. Of
 *    images that measure the labels the server does not even say it (`is_blind`).
 *  - A second opinion is blind, and of what others decided the browser knows nothing before it.
 */

const PAGE = 50; // queue entries fetched at a time
const MOST = 200; // that the server gives at a time
const REFILL_BELOW = 12;
const LOOK_AGAIN_MS = 4000; // where all that is left is with others
const AHEAD = 8; // pictures decoded before they are needed
const BEHIND = 4; // pictures kept for an undo
const FOLLOW_MS = 800; // from an answer until the ranking has followed, and is asked for
const SETTLE_MS = 3000;
const ANSWER_MS = 1500;
const REST_MS = 250; // on one image, before more about it is worth asking for

class Deck {
  constructor(parent) {
    this.screen = new Screen(parent, this);
    this.evidence = new Evidence(this);
    this.queue = [];
    this.undoStack = [];
    this.redoStack = [];
    this.decided = new Set();
    this.left = 0;
    this.flagged = 0;
    this.selection = "";
    this.matching = 0;
    this.session = { count: 0, times: [] };
    this.changed = false;
    this.dwelling = null;
    this.chosenBlind = recall("localStorage", BLIND_KEY, false) === true;
    this.generation = 0;
    this.frame = new Frame(this.screen.root);
    this.onKey = (event) => this.key(event);
    this.onWake = () => this.outbox?.flush();
    window.addEventListener("keydown", this.onKey, { capture: true });
    window.addEventListener("online", this.onWake);
  }

  close() {
    window.removeEventListener("keydown", this.onKey, { capture: true });
    window.removeEventListener("online", this.onWake);
    this.frame.close();
    clearTimeout(this.settleTimer);
    clearTimeout(this.reloadTimer);
    clearTimeout(this.followTimer);
    clearTimeout(this.cardTimer);
    clearTimeout(this.restTimer);
    clearTimeout(this.lookTimer);
    this.evidence.close();
    this.outbox?.close();
    this.holder?.close();
    this.screen.who.close();
    this.generation += 1;
    this.screen.root.remove();
  }

  /* Whether nothing of the model is shown before a decision. */
  get blind() {
    return this.second || this.chosenBlind;
  }

  /* Takes what the page says; called again whenever that changes. */
  receive(data, say) {
    this.say = say;
    this.end = data.end;
    this.flagged = data.flagged;
    this.second = data.second;
    this.screen.drawBlind(this.blind, { fixed: this.second });
    if (!this.outbox) this.start(data);
    else if (this.round !== data.round || this.selection !== data.selection) {
      this.select(data);
      this.load();
    } else {
      this.show();
    }
    this.frame.fit();
  }

  async start(data) {
    this.api = data.api;
    this.select(data);
    this.pictures = new Pictures(this.api, () => this.show());
    this.outbox = new Outbox(this.api, {
      onState: () => this.drawSaved(),
      onAnswer: (answer) => this.answered(answer),
    });
    this.numbers = new ClassNumbers(this.api);
    this.session.count = Number(sessionStorage.getItem(`cleaner:session:${this.api}`) || 0);
    this.holder = new Holder(this.api, () => this.fetchQueue());
    await Promise.all([this.outbox.open(), this.holder.open()]);
    await this.load();
  }

  /* Notes what is to be looked at; the browser remembers it for the next visit. */
  select(data) {
    this.round = data.round;
    if (this.selection !== data.selection) this.queue = [];
    this.selection = data.selection;
    this.stays = data.stays;
    if (!this.second) rememberCookie(data.cookie, data.selection);
  }

  /* Fetches some of it, from the first that awaits a decision, or behind what was fetched. */
  fetchPage(limit, after) {
    const place = after === null ? "" : `&after=${encodeURIComponent(after)}`;
    const asked = this.second ? `&${this.asking}` : this.selection && `&${this.selection}`;
    return getJson(`${this.source}/queue?limit=${limit}${place}&holder=${this.holder.id}${asked}`);
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
      const page = await this.fetchPage(PAGE, null);
      const history = await this.ownHistory();
      if (generation !== this.generation) return;
      this.screen.who.setLogin(page.reviewer);
      this.classEdits = page.class_edits;
      // What somebody else was quicker with is still to be read.
      this.queue = this.queue.filter((item) => item.notice);
      this.decided = new Set();
      this.left = this.matching = page.matching;
      this.takeHistory(history);
      this.numbers.setClasses(page.classes.map((one) => one.name));
      const told = this.blind ? [] : page.items.filter((item) => !item.is_blind);
      this.numbers.suggest(told.map((item) => item.suggested_label));
      this.screen.setClasses(page.classes);
      this.takePage(page);
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
  takePage(page) {
    const fresh = new Map(page.items.map((item) => [item.item_id, item]));
    // What is not on the screen yet may change its words, but not its place.
    const next = this.queue
      .slice(0, AHEAD + 1)
      .map((item, at) => (at > 0 && fresh.get(item.item_id)) || item);
    const taken = [...next, ...this.outbox.entries].map((one) => one.item_id);
    const known = new Set([...taken, ...this.decided]);
    // What stays in the selection once it is decided about comes page by page.
    const kept = this.stays ? this.queue : next;
    for (const item of kept) known.add(item.item_id);
    this.queue = [...kept, ...page.items.filter((item) => !known.has(item.item_id))];
    this.place = page.after;
    // What somebody else has in hand may still come back.
    this.withOthers = page.with_others;
    this.exhausted = this.stays
      ? page.after === null
      : page.matching <= page.items.length + page.with_others;
    if (!this.stays && !this.outbox.entries.length) this.left = page.matching;
  }

  /* Fetches what the one with this name can take back; other people's decisions stay theirs. */
  ownHistory() {
    return getJson(`${this.source}/history?limit=100&${this.asking}`);
  }

  /* Who asks, as a query has it. */
  get asking() {
    return `reviewer=${encodeURIComponent(reviewerName())}`;
  }

  /* Where the server answers with what is to be decided about, and with what was decided. */
  get source() {
    return this.second ? `${this.api}/second` : this.api;
  }

  async renamed() {
    this.undoStack = [];
    // Which images somebody is asked about depends on who they are.
    await (this.second ? this.load() : this.fetchHistory());
  }

  refill() {
    if (!this.exhausted && this.queue.length < REFILL_BELOW) this.fetchQueue();
  }

  /* Fetches what the ranking has become; once for all answers within a moment. */
  follow() {
    if (this.stays) return;
    this.followTimer ??= setTimeout(() => {
      this.followTimer = null;
      this.fetchQueue();
    }, FOLLOW_MS);
  }

  async fetchQueue() {
    if (this.refilling || this.loading || (this.stays && this.exhausted)) return;
    this.refilling = true;
    const generation = this.generation;
    // What is held or on its way may be among the worst; a page of others is wanted.
    const limit = Math.min(MOST, PAGE + AHEAD + 1 + this.outbox.entries.length);
    try {
      const page = await this.fetchPage(limit, this.stays ? this.place : "-1");
      if (generation === this.generation) {
        if (page.class_edits !== this.classEdits) {
          this.load(); // somebody added, renamed or merged classes
          return;
        }
        const wasEmpty = this.queue.length === 0;
        const awaited = !this.exhausted || this.withOthers > 0;
        this.takePage(page);
        this.prefetch();
        this.drawCounters();
        if (wasEmpty && (this.queue.length || awaited)) this.show();
      }
    } catch {
      setTimeout(() => (this.withOthers ? this.fetchQueue() : this.refill()), 2000);
    } finally {
      this.refilling = false;
    }
  }

  get current() {
    return this.loading ? null : (this.queue[0] ?? null);
  }

  /* Whether the image on the screen is decided about without what the model says of it. */
  get isBlind() {
    return this.blind || Boolean(this.current?.is_blind);
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
    if (!item) return false;
    if (item.notice) {
      this.screen.flash("wait", "D decides anew, L leaves it as it is");
      return false;
    }
    if (!this.mayDecide(item, action)) {
      this.screen.flash("wait", "Wait for the picture");
      return false;
    }
    const blind = this.isBlind;
    const entry = { ...this.entry(item, action), label, seen: item.seen ?? null, blind };
    this.queue.shift();
    this.decided.add(item.item_id);
    this.undoStack.push({ op_id: entry.op_id, action, label, item });
    this.redoStack = [];
    this.tally(item, -1);
    this.count(1);
    this.outbox.add(entry);
    this.screen.flash(action, this.sentence(action, item, label), blind && this.opinion(item));
    this.show();
    this.refill();
    return true;
  }

  /* Returns what the model had to say, for who has decided without knowing. */
  opinion(item) {
    if (item.is_blind) return "";
    if (this.second) return ""; // who decided before, and what, comes with the server's answer
    if (item.suggested_label === item.current_label) return "The model suggested nothing else";
    const name = this.screen.name(item.suggested_label);
    return `The model suggested ${name} (${percent(item.suggested_confidence)})`;
  }

  toggleBlind() {
    if (this.second) {
      this.screen.flash("wait", "A second opinion is always blind");
      return;
    }
    this.chosenBlind = !this.chosenBlind;
    remember("localStorage", BLIND_KEY, this.chosenBlind);
    this.screen.drawBlind(this.blind);
    this.screen.flash("wait", this.blind ? "Blind: decide first, then see" : "No longer blind");
    this.dwelling = null;
    this.show();
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
    if (this.isBlind) {
      this.screen.flash("wait", "Blind: press a number, or T and type");
      return;
    }
    if (item.suggested_label === item.current_label) {
      this.screen.flash("wait", "No other label is suggested; press a number or T");
      return;
    }
    this.decide("move", item.suggested_label);
  }

  /* Decides for a class; returns whether that was possible. */
  moveTo(name) {
    const item = this.current;
    if (!item) return false;
    return name === item.current_label ? this.decide("accept") : this.decide("move", name);
  }

  moveToNumber(number) {
    const name = this.numbers.named(number);
    if (name === null) {
      this.screen.flash("wait", `${number} stands for no class yet; type one with T`);
    } else if (this.moveTo(name)) {
      this.numbers.use(name);
    }
  }

  moveToTyped(name) {
    const item = this.current;
    if (!this.moveTo(name)) return;
    const number = this.numbers.use(name);
    if (!number) return;
    this.screen.drawNumbers();
    const told = `${this.screen.name(name)} is on ${number} from now on`;
    this.screen.flash("move", told, this.blind && this.opinion(item));
    this.show();
  }

  async undo() {
    if (this.loading) return;
    if (!this.undoStack.length && !this.outbox.entries.length) await this.fetchHistory();
    const done = this.undoStack.pop();
    if (!done) {
      this.screen.flash("wait", "Nothing to undo");
      return;
    }
    const { item } = done;
    const undo = this.entry(item, "undo", done.op_id);
    this.redoStack.push({ ...done, op_id: undo.op_id });
    this.decided.delete(item.item_id);
    this.queue = [item, ...this.queue.filter((other) => other.item_id !== item.item_id)];
    this.tally(item, 1);
    this.count(-1);
    this.outbox.add(undo);
    this.screen.flash("undo", "Taken back");
    this.show();
  }

  redo() {
    if (this.loading) return;
    const undone = this.redoStack.pop();
    if (!undone) {
      this.screen.flash("wait", "Nothing to redo");
      return;
    }
    const { action, label, item } = undone;
    // Opinions are given anew: a redo is of decisions.
    const redo = this.second
      ? { ...this.entry(item, action), label }
      : this.entry(item, "redo", undone.op_id);
    this.undoStack.push({ ...undone, op_id: redo.op_id, again: true });
    this.decided.add(item.item_id);
    this.queue = this.queue.filter((other) => other.item_id !== item.item_id);
    this.tally(item, -1);
    this.count(1);
    this.outbox.add(redo);
    this.screen.flash(action, `Again: ${this.sentence(action, item, label)}`);
    this.show();
    this.refill();
  }

  entry(item, action, undoes = null) {
    const about = this.second ? item.about : null;
    return { op_id: newId(), item_id: item.item_id, action, label: null, undoes, about };
  }

  async fetchHistory() {
    try {
      const history = await this.ownHistory();
      if (!this.undoStack.length) this.takeHistory(history);
    } catch {
      // Offline: only what this tab decided can be taken back for now.
    }
  }

  /* Takes both stacks from the log, where they outlive server and browser. */
  takeHistory(history) {
    this.undoStack = history.decisions.reverse();
    this.redoStack = history.undone.reverse();
  }

  answered(answer) {
    const isWhole = !this.selection && !this.second;
    if (isWhole && !this.outbox.entries.length) this.left = answer.left;
    if (answer.compared?.length) this.compare(answer.compared.at(-1));
    for (const refusal of answer.rejected) this.rejected(refusal);
    this.drawCounters();
    this.settleSoon();
    this.follow();
  }

  /* Says what was decided before, once a second opinion is given. */
  compare({ differs, told }) {
    if (differs) this.screen.flash("differs", told, "You differ: it comes up to be settled");
    else this.screen.flash("agrees", "You agree", told);
  }

  rejected({ op_id: opId, reason, item: asItIs, ...stands }) {
    const at = this.undoStack.findIndex((entry) => entry.op_id === opId && !entry.again);
    const [mine] = at < 0 ? [null] : this.undoStack.splice(at, 1);
    if (mine) this.count(-1);
    const item = asItIs ?? mine?.item;
    if (!item || this.second) {
      // An undo or redo that came too late: what stands now is the server's to say.
      this.screen.flash("problem", reason);
      this.load();
      return;
    }
    if (asItIs) item.notice = this.noticeOf(stands, mine);
    this.decided.delete(item.item_id);
    const others = this.queue.filter((other) => other.item_id !== item.item_id);
    others.splice(this.current?.item_id === item.item_id ? 0 : 1, 0, item);
    this.queue = others;
    this.screen.flash("problem", item.notice?.told ?? reason);
    this.show();
  }

  noticeOf(stands, mine) {
    const words = mine ? ` (${this.sentence(mine.action, mine.item, mine.label)})` : "";
    return { told: toldWithTime(stands), lost: `Your own decision${words} was not recorded.` };
  }

  /* Lets what somebody else decided stand. */
  leave() {
    if (!this.current?.notice) return;
    const item = this.queue.shift();
    this.decided.add(item.item_id);
    this.screen.flash("skip", "Left as it is");
    this.show();
    this.refill();
  }

  /* Offers the keys again, for a decision that replaces what somebody else decided. */
  decideAnew() {
    if (!this.current?.notice) return;
    this.queue[0] = { ...this.current, notice: null };
    this.show();
  }

  tally(item, change) {
    if (item.flagged || this.selection) this.left += change;
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
    this.dwell(item);
    this.drawCounters();
    this.drawSaved();
    this.prefetch();
  }

  /*
   * Sends "leave" to what stands beside the picture when another image comes, and "rest" once a
   * person has rested on it: event.detail is the item. Fast keys ask nothing.
   */
  dwell(item) {
    if (this.dwelling === item) return;
    this.dwelling = item;
    clearTimeout(this.restTimer);
    const { evidence } = this.screen;
    evidence.dispatchEvent(new CustomEvent("leave"));
    if (!item || this.isBlind) return;
    this.restTimer = setTimeout(
      () => evidence.dispatchEvent(new CustomEvent("rest", { detail: item })), REST_MS,
    );
  }

  showItem(item) {
    const image = this.pictures.get(item);
    const reason = this.pictures.broken.get(item.item_id);
    if (reason === undefined) this.screen.drawPicture(image, item);
    else this.screen.drawBroken(reason);
    this.screen.drawItem(this.isBlind ? veiled(item) : item);
    this.screen.root.classList.toggle("blind", this.isBlind);
  }

  showNone() {
    this.screen.root.classList.remove("zoomed");
    if (this.loading || !this.exhausted) {
      this.screen.drawMessage("Fetching the queue", this.problem ?? "");
      return;
    }
    if (this.withOthers) {
      this.showOthersAtWork();
      return;
    }
    if (this.second) {
      this.showAllHeard();
      return;
    }
    if (this.selection) {
      this.showNoMatch();
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

  /* Says that the selection is empty, which is not to say that everything is reviewed. */
  showNoMatch() {
    const title = this.matching ? "All that match are reviewed" : "No image matches";
    const words = this.matching
      ? "Others may still await a decision; the filter hides them."
      : "No image is all that the filter asks for.";
    const action = { words: "Clear the filter", run: () => this.say("cleared", newId()) };
    this.screen.drawMessage(title, words, { action, mayUndo: this.matching > 0 });
    if (this.changed) this.settleSoon();
  }

  /* Says that nobody waits for this person's opinion, or that they have to give a name first. */
  showAllHeard() {
    if (!this.screen.who.login && !reviewerName()) {
      const words = "Add your name, above: a second opinion is of another person than the first.";
      this.screen.drawMessage("Who are you?", words);
      return;
    }
    const words = "Ask for some above. Images that you decided about yourself are for others.";
    this.screen.drawMessage("No image waits for your opinion", words, { mayUndo: true });
    if (this.changed) this.settleSoon();
  }

  showOthersAtWork() {
    const images = this.withOthers === 1 ? "1 image is" : `${this.withOthers} images are`;
    const words = "Nothing else awaits a decision. What they leave comes up here by itself.";
    this.screen.drawMessage(`${images} with another reviewer`, words, { mayUndo: true });
    clearTimeout(this.lookTimer);
    this.lookTimer = setTimeout(() => this.holder.sweep().then(() => this.fetchQueue()), LOOK_AGAIN_MS);
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
      flagged: this.selection || this.second ? this.matching : this.flagged,
      matching: Boolean(this.selection),
      session: this.session.count,
      perMinute: this.perMinute(),
    });
  }

  drawSaved() {
    this.screen.saved.draw(this.outbox);
  }

  // -- keys

  key(event) {
    const target = event.composedPath()[0];
    if (target === this.screen.search.input) {
      this.screen.search.key(event);
      return;
    }
    if (target === this.screen.who.input) {
      this.screen.who.key(event);
      return;
    }
    const run = isFree(event, this.screen.root) ? this.handler(event) : null;
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  }

  handler(event) {
    const key = event.key.toLowerCase();
    if (event.altKey) return null;
    if (event.ctrlKey || event.metaKey) return this.editHandler(key, event.shiftKey);
    if (this.screen.keys.isOpen) {
      return ["escape", "?"].includes(key) ? () => this.screen.keys.toggle() : null;
    }
    const answers = { d: () => this.decideAnew(), l: () => this.leave() };
    if (this.current?.notice && answers[event.key.toLowerCase()]) {
      return answers[event.key.toLowerCase()];
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
      r: () => this.redo(),
      b: () => this.toggleBlind(),
      z: () => this.screen.toggleZoom(),
      t: () => this.screen.openSearch(),
      e: () => this.evidence.toggle(),
      w: () => this.evidence.look(),
      "/": () => this.screen.openSearch(),
      "+": () => this.screen.loupe.in(),
      "=": () => this.screen.loupe.in(), // + without Shift
      "-": () => this.screen.loupe.out(),
      0: () => this.screen.loupe.reset(),
      escape: () => this.screen.loupe.reset(),
      "?": () => this.screen.keys.toggle(),
    };
    return handlers[key] ?? null;
  }

  /* What any editor takes back and brings back with. */
  editHandler(key, shifted) {
    if (key === "z") return shifted ? () => this.redo() : () => this.undo();
    return key === "y" && !shifted ? () => this.redo() : null;
  }
}

/* Returns an item without all that the model says of it. */
function veiled(item) {
  const unknown = { self_confidence: null, suggested_label: item.current_label };
  return { ...item, ...unknown, reasons: [], isVeiled: true };
}

export default mounting(Deck);
