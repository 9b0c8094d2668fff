/*
 * The review grid.
 *
 * Promises kept here:
 *  - A key settles the page on the screen: only once each of its pictures is complete, and each
 *    has been on the screen.
 *  - The decisions of a page are in the outbox, all of them, before the next page shows.
 *  - What the server refused comes back with the reason on it, and is never decided unasked.
 *  - One undo takes back one page, also after a restart.
 *  - To who reviews blind nothing of it shows unasked: lanes and ticks are suggestions.
 *  - Names are set as text, never as markup.
 */

const FOLLOW_MS = 800; // from an answer until the ranking has followed, and is asked for
const SETTLE_MS = 3000;
const ANSWER_MS = 1500;
const LOOK_AGAIN_MS = 4000; // where all that is left is with others
const LOOK_MS = 300; // nobody has looked at a page sooner: the key was pressed twice
// What a decision shows again as, once it is taken back.
const CHOICE_OF = { move: "move", accept: "keep", exclude: "exclude" };

class Grid {
  constructor(parent) {
    this.look = new Look();
    this.sheet = new Sheet(parent, this);
    this.lanes = this.sheet.lanes;
    this.choices = new Choices();
    this.page = [];
    this.returned = []; // refused by the server, and not shown again yet
    this.sent = new Map(); // op_id -> image, until the server has answered
    this.decided = new Set();
    this.left = new Map(); // number -> image, left for later
    this.changed = false;
    this.generation = 0;
    this.isVeiled = recall("localStorage", BLIND_KEY, false) === true;
    this.gestures = new Gestures(this);
    this.frame = new Frame(this.sheet.root);
    this.onWake = () => this.outbox?.flush();
    window.addEventListener("online", this.onWake);
    this.resized = new ResizeObserver(() => this.sheet.fit());
    this.resized.observe(this.sheet.cells);
    this.sheet.drawLook(this.look);
  }

  close() {
    window.removeEventListener("online", this.onWake);
    this.gestures.close();
    this.resized.disconnect();
    this.frame.close();
    const { settleTimer, reloadTimer, followTimer, cardTimer, lookTimer } = this;
    for (const timer of [settleTimer, reloadTimer, followTimer, cardTimer, lookTimer]) {
      clearTimeout(timer);
    }
    this.supply?.close();
    this.outbox?.close();
    this.holder?.close();
    this.sheet.who.close();
    this.generation += 1;
    this.sheet.root.remove();
  }

  /* Takes what the page says; called again whenever that changes. */
  receive(data, say) {
    this.say = say;
    this.end = data.end;
    if (!this.outbox) this.start(data);
    else if (this.round !== data.round || this.supply.selection !== data.selection) {
      this.select(data);
      this.load();
    } else if (!this.page.length) {
      this.showNone();
    }
    this.frame.fit();
  }

  async start(data) {
    this.api = data.api;
    this.thumbs = new Pictures(this.api, (item) => this.broken(item), {
      side: this.look.thumbSide, onLoaded: () => this.drawReady(),
    });
    this.pictures = new Pictures(this.api, () => {});
    this.steps = new Steps(this.api);
    this.holder = new Holder(this.api, () => this.supply.renew());
    this.supply = new Supply(this.api, {
      holder: this.holder,
      shown: () => [...this.page, ...this.returned],
      isKnown: (itemId) => this.isKnown(itemId),
      onMore: () => this.more(),
      onProblem: (words) => this.problems(words),
    });
    this.select(data);
    this.outbox = new Outbox(this.api, {
      onState: () => this.sheet.saved.draw(this.outbox),
      onAnswer: (answer) => this.answered(answer),
    });
    await Promise.all([this.outbox.open(), this.holder.open()]);
    await this.load();
  }

  /* Notes what is to be looked at; the browser remembers it for the next visit. */
  select(data) {
    this.round = data.round;
    this.supply.selection = data.selection;
    rememberCookie(data.cookie, data.selection);
  }

  // -- lanes

  /* Fetches lanes, queue and history anew; what was not sent yet goes first. */
  async load() {
    const generation = ++this.generation;
    this.loading = true;
    clearTimeout(this.reloadTimer);
    this.page = [];
    this.showNone();
    await this.outbox.adoptOrphans();
    await this.outbox.flush();
    if (this.isVeiled) return;
    try {
      const first = await this.fetchFirst();
      const pairs = await this.fetchPairs();
      const takeSteps = await this.steps.read();
      if (generation !== this.generation) return;
      takeSteps();
      this.sheet.who.setLogin(first.reviewer);
      this.sheet.search.setClasses(first.classes);
      this.matching = first.matching;
      this.total = first.matching;
      this.lanes.set(pairs, this.total);
      this.decided = new Set();
      this.loading = false;
      this.problem = "";
      this.openLane(this.laneAtStart());
    } catch (error) {
      if (generation !== this.generation) return;
      this.reloadTimer = setTimeout(() => this.load(), 2000);
      this.problems(error.message);
    }
  }

  laneAtStart() {
    const known = recall("sessionStorage", `cleaner:lane:${this.api}`, null);
    return this.lanes.all.find((lane) => lane.key === known && lane.count) ?? this.lanes.first;
  }

  async fetchPairs() {
    return getJson(`${this.api}/pairs?${this.supply.selection}`);
  }

  /* Asks for little more than how many images there are. */
  async fetchFirst() {
    return getJson(`${this.api}/queue?limit=1&${this.supply.selection}`);
  }

  /* Opens a lane, with these images as its first page, or else from its beginning. */
  openLane(wanted, items = []) {
    if (this.isVeiled) return;
    const lane = this.lanes.find(wanted.key);
    this.lanes.open = lane;
    remember("sessionStorage", `cleaner:lane:${this.api}`, lane.key);
    this.choices.target = null;
    this.left = new Map();
    this.page = items;
    this.supply.open(lane, this.look.count);
    this.show(items);
    this.lanes.draw();
  }

  isKnown(itemId) {
    const has = (one) => one.item_id === itemId;
    return this.decided.has(itemId) || this.left.has(itemId) || this.page.some(has) ||
      this.outbox.entries.some(has);
  }

  more() {
    this.problem = "";
    if (this.page.length) this.prefetch();
    else this.show();
  }

  problems(words) {
    this.problem = words;
    if (!this.page.length) this.showNone();
  }

  // -- the page on the screen

  /* Shows the next page: these images first, then what came back, then what is ahead. */
  show(items = []) {
    const room = () => Math.max(0, this.look.count - this.page.length);
    this.page = [...items];
    this.page.push(...this.returned.splice(0, room()));
    this.page.push(...this.supply.take(room()));
    if (!this.page.length) this.supply.sweep();
    this.gestures.reset();
    this.seenPx = 0;
    this.closeZoom();
    if (this.page.length) this.drawPage();
    else this.showNone();
    this.prefetch();
  }

  drawPage() {
    this.sheet.drawPage(this.page, this.thumbs, { withLabels: this.lanes.open.isAll });
    this.page.forEach((item, index) => {
      const reason = this.thumbs.broken.get(item.item_id);
      if (reason !== undefined) this.sheet.drawBroken(index, reason);
    });
    this.shownAt = performance.now();
    this.draw();
    this.scrolled();
  }

  draw() {
    const { marked, focus } = this.gestures;
    this.sheet.drawTitle(this.lanes.open, this.choices.target);
    this.sheet.drawChoices(this.choices, marked, focus);
    this.drawReady();
    if (!this.sheet.zoom.hidden) this.drawZoom();
  }

  drawReady() {
    this.sheet.root.classList.toggle("waiting", this.missing() > 0);
  }

  prefetch() {
    const ahead = this.supply.ahead.slice(0, this.look.count);
    for (const item of ahead) this.thumbs.get(item);
    const behind = this.steps.done.at(-1)?.made.map((one) => one.item) ?? [];
    this.thumbs.keepOnly([...this.page, ...this.returned, ...ahead, ...behind]);
  }

  /* How many pictures of the page are not complete yet. */
  missing() {
    return this.page.filter((item) => {
      const image = this.thumbs.get(item);
      return !this.thumbs.broken.has(item.item_id) && !(image.complete && image.naturalWidth > 0);
    }).length;
  }

  broken(item) {
    this.choices.reasons.set(item.item_id, "no picture");
    const index = this.page.findIndex((one) => one.item_id === item.item_id);
    if (index < 0) return;
    this.sheet.drawBroken(index, this.thumbs.broken.get(item.item_id));
    this.draw();
  }

  scrolled() {
    const { scrollTop, clientHeight } = this.sheet.cells;
    this.seenPx = Math.max(this.seenPx, scrollTop + clientHeight);
  }

  get isSeen() {
    return this.seenPx >= this.sheet.cells.scrollHeight - 2;
  }

  // -- where there is no page

  /* Draws the card anew, unless images have come up meanwhile. */
  stillNone() {
    if (!this.page.length) this.showNone();
  }

  showNone() {
    const { next } = this.lanes;
    if (this.isVeiled) {
      this.showVeil();
      return;
    }
    // A card that can be pressed stays while the lane is looked through once more.
    if (!this.loading && this.supply.isSweeping && this.sheet.content.hidden) return;
    if (this.loading || !this.supply.isExhausted) {
      this.sheet.drawMessage("Fetching the queue", [this.problem ?? ""]);
    } else if (this.supply.withOthers) {
      this.showOthersAtWork(next);
    } else if (this.left.size) {
      this.sheet.drawMessage("The rest was left for later", [`${this.left.size} wait here.`], {
        action: { words: ["Look at them now"], run: () => this.lookAgain() },
        hint: this.hint(next),
      });
    } else if (next) {
      this.sheet.drawMessage("This lane is settled", ["Next: ", ...this.sheet.laneWords(next)], {
        action: { words: ["Next lane"], run: () => this.openLane(next) },
        hint: this.hint(next),
      });
    } else {
      this.showEnd();
    }
  }

  /* Says why there is no grid for who reviews blind, unless they want to see it all the same. */
  showVeil() {
    const words = "A lane is a suggestion, and so is each tick: the grid cannot be blind. " +
      "“One by one” is.";
    this.sheet.drawMessage("You review blind", [words], {
      action: { words: ["Show the grid all the same"], run: () => this.unveil() },
    });
  }

  unveil() {
    this.isVeiled = false;
    this.load();
  }

  showOthersAtWork(next) {
    const count = this.supply.withOthers;
    const images = count === 1 ? "1 image is" : `${count} images are`;
    const words = ["What they leave of this lane comes up here by itself."];
    const action = next && { words: ["Next lane"], run: () => this.openLane(next) };
    this.sheet.drawMessage(`${images} with another reviewer`, words, { action, hint: this.hint(next) });
    clearTimeout(this.lookTimer);
    this.lookTimer = setTimeout(() => this.lookForOthers(), LOOK_AGAIN_MS);
  }

  /* Looks whether others have left something, or are gone without having said so. */
  async lookForOthers() {
    await this.holder.sweep();
    if (this.page.length || this.loading) return;
    this.supply.isStale = true;
    this.supply.sweep();
  }

  /* Shows what was left for later. */
  lookAgain() {
    this.supply.putBack([...this.left.values()]);
    this.left = new Map();
    this.show();
  }

  hint(next) {
    const back = [keycap("U"), " takes back the latest page"];
    return next ? [keycap("Enter"), " opens the next lane, ", ...back] : back;
  }

  showEnd() {
    if (this.supply.selection) {
      this.showNoMatch();
      return;
    }
    if (this.changed) {
      // The page does not know yet what follows; it is asked at once.
      this.sheet.drawMessage("All suspects are reviewed", []);
      this.settleSoon();
      return;
    }
    const { title, detail, button: words } = this.end;
    const action = words ? { words: [words], run: () => this.press() } : null;
    this.sheet.drawMessage(title, [detail], { action, hint: this.hint(null) });
  }

  /* Says that the selection is empty, which is not to say that everything is reviewed. */
  showNoMatch() {
    const title = this.matching ? "All that match are reviewed" : "No image matches";
    const words = this.matching
      ? "Others may still await a decision; the filter hides them."
      : "No image is all that the filter asks for.";
    const action = { words: ["Clear the filter"], run: () => this.say("cleared", newId()) };
    this.sheet.drawMessage(title, [words], { action, hint: this.hint(null) });
    if (this.changed) this.settleSoon();
  }

  async press() {
    await this.outbox.flush();
    if (!this.outbox.entries.length) this.say("pressed", newId());
  }

  /* Enter settles a page, and leads on from a lane that has none. */
  goOn() {
    const { next } = this.lanes;
    if (this.page.length) this.settle("keep");
    else if (!this.loading && this.supply.isExhausted && next) this.openLane(next);
  }

  // -- choosing

  toggle() {
    const items = this.gestures.meant.filter((item) => !this.thumbs.broken.has(item.item_id));
    if (items.length) this.choices.toggle(items);
    else this.wait("A picture that cannot be shown can only be excluded");
    this.draw();
  }

  exclude() {
    this.choices.toggleExcluded(this.gestures.meant);
    this.draw();
  }

  /* Chooses the same for these, but for what needs a key of its own. */
  choose(items, choice) {
    for (const item of items) {
      if (!this.choices.reasons.has(item.item_id)) this.choices.set(item, choice);
    }
    this.draw();
  }

  pickAll(isPicked) {
    this.gestures.unmark();
    for (const item of this.page) {
      this.choose([item], isPicked ? this.choices.picked(item) : this.choices.spared(item));
    }
  }

  escape() {
    if (!this.sheet.zoom.hidden) {
      this.closeZoom();
      return;
    }
    this.gestures.unmark();
    this.aim(null);
  }

  openSearch() {
    if (this.page.length) this.sheet.search.open();
  }

  /* Moves the ticked images to this class instead of the suggested one, or not any more. */
  aim(className) {
    this.choices.target = className === this.lanes.open.suggested ? null : className;
    if (this.page.length) this.draw();
  }

  resize(change) {
    this.look.set(change);
    this.sheet.drawLook(this.look);
    if (!this.supply) return;
    if (this.thumbs.side !== this.look.thumbSide) this.thumbs.kept.clear();
    this.thumbs.side = this.look.thumbSide;
    this.supply.pageLength = this.look.count;
    this.supply.putBack(this.page);
    this.show();
  }

  nextSize(step) {
    this.resize({ size: this.look.beside(step) });
  }

  toggleZoom() {
    if (!this.sheet.zoom.hidden) this.closeZoom();
    else if (this.gestures.focused) this.drawZoom();
  }

  drawZoom() {
    const item = this.gestures.focused;
    this.pictures.keepOnly([item]);
    this.sheet.drawZoom(this.pictures.get(item), item, this.choices);
  }

  closeZoom() {
    this.sheet.zoom.hidden = true;
  }

  // -- deciding

  /* Settles the page; images that are not moved are kept, or left for later. */
  settle(rest) {
    if (!this.page.length) return;
    const reason = this.notYet();
    if (reason) {
      this.wait(reason);
    } else if (!this.isSeen) {
      this.sheet.cells.scrollBy({ top: this.sheet.cells.clientHeight * 0.9 });
      this.wait("There is more below");
    } else {
      this.decide(rest);
    }
  }

  /* Returns why a key does not settle this page yet, or "". */
  notYet() {
    const missing = this.missing();
    if (missing) return `Wait for ${missing} ${missing === 1 ? "picture" : "pictures"}`;
    return performance.now() - this.shownAt < LOOK_MS ? "This page has only just come up" : "";
  }

  decide(rest) {
    const words = sentence(this.choices.count(this.page), rest);
    const step = { lane: this.lanes.open, page: this.page, made: this.made(rest) };
    const entries = step.made.map(({ opId, item, action, label }) => ({
      op_id: opId, item_id: item.item_id, action, label, undoes: null, seen: item.seen ?? null,
    }));
    this.send(entries, step);
    this.settled(step);
    this.steps.undone = [];
    this.choices.target = null;
    this.sheet.verdict.say("move", words);
    this.show();
    this.lanes.draw();
  }

  /* Returns what is decided about this page, image by image. */
  made(rest) {
    const actions = { move: "move", exclude: "exclude", keep: rest === "keep" ? "accept" : null };
    const decided = this.page.flatMap((item) => {
      const action = actions[this.choices.of(item)] ?? null;
      return action ? [{ item, action, label: action === "move" ? this.choices.label(item) : null }] : [];
    });
    const ids = idsOfStep(decided.length);
    return decided.map((one, index) => ({ ...one, opId: ids[index] }));
  }

  /* Takes a step as done, until the server says otherwise. */
  settled(step) {
    for (const item of step.page ?? []) {
      // What somebody else decided about is not left for anybody.
      if (item.status === "unreviewed") this.left.set(item.item_id, item);
    }
    for (const { item } of step.made) {
      this.left.delete(item.item_id);
      this.decided.add(item.item_id);
    }
    this.lanes.count(step.made.map((one) => one.item), -1);
    this.steps.push(step);
  }

  send(entries, step) {
    if (!entries.length) return;
    step.made.forEach(({ opId, item }) => this.sent.set(opId, item));
    this.changed = true;
    this.supply.isStale = true;
    this.outbox.add(...entries);
    this.settleSoon();
  }

  async undo() {
    if (this.loading) return;
    await this.readSteps();
    const step = this.steps.done.pop();
    if (!step) {
      this.wait("Nothing to undo");
      return;
    }
    const back = turned("undo", step);
    this.send(back.entries, back.step);
    this.steps.undone.push(back.step);
    for (const { item, action } of step.made) {
      this.decided.delete(item.item_id);
      this.choices.reasons.delete(item.item_id);
      this.choices.set(item, CHOICE_OF[action]);
    }
    this.lanes.count(step.made.map((one) => one.item), 1);
    this.sheet.verdict.say("undo", `Taken back: ${step.made.length}`);
    this.reopen(step);
  }

  redo() {
    if (this.loading) return;
    const step = this.steps.undone.pop();
    if (!step) {
      this.wait("Nothing to redo");
      return;
    }
    const again = turned("redo", step);
    this.send(again.entries, again.step);
    this.settled(again.step);
    this.supply.putBack(this.page);
    this.supply.drop(new Set(imagesOf(step).map((item) => item.item_id)));
    this.sheet.verdict.say("move", `Again: ${step.made.length}`);
    this.show();
    this.lanes.draw();
  }

  async renamed() {
    this.steps.done = [];
    await this.readSteps();
  }

  async readSteps() {
    if (this.steps.done.length || this.outbox.entries.length) return;
    try {
      const takeSteps = await this.steps.read();
      if (!this.steps.done.length) takeSteps();
    } catch {
      // Offline: only what this tab decided can be taken back for now.
    }
  }

  /* Shows a page again that was taken back, as it was. */
  reopen(step) {
    const items = imagesOf(step);
    const lane = step.lane ?? this.lanes.of(items);
    if (this.lanes.find(lane.key).key !== this.lanes.open.key) {
      this.openLane(lane, items);
      return;
    }
    for (const item of items) this.left.delete(item.item_id);
    this.supply.putBack(this.page);
    this.supply.drop(new Set(items.map((item) => item.item_id)));
    this.show(items);
    this.lanes.draw();
  }

  sayNotBlind() {
    this.wait("Lanes and ticks are suggestions; blind works one by one");
  }

  wait(words) {
    this.sheet.verdict.say("wait", words);
  }

  // -- what the server says

  answered(answer) {
    for (const opId of answer.recorded) this.sent.delete(opId);
    const refused = answer.rejected.filter(({ op_id: opId }) => this.sent.has(opId));
    const reasons = refused.map((refusal) => this.refused(refusal));
    if (reasons.length) {
      const others = reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : "";
      this.sheet.verdict.say("problem", `${reasons[0]}${others}`);
      if (this.page.length) this.draw();
      else this.show();
    }
    if (!this.outbox.entries.length && !this.supply.selection) this.total = answer.left;
    this.settleSoon();
    this.follow();
  }

  /* Brings an image back with the reason on it: on the next page, or where it is shown now. */
  refused({ op_id: opId, reason, item: asItIs, ...stands }) {
    const item = asItIs ?? this.sent.get(opId);
    const told = asItIs ? toldWithTime(stands) : reason;
    this.sent.delete(opId);
    this.steps.forget(opId);
    this.decided.delete(item.item_id);
    this.choices.made.delete(item.item_id);
    this.choices.reasons.set(item.item_id, told);
    const isShown = this.page.some((one) => one.item_id === item.item_id);
    if (isShown) this.page = this.page.map((one) => (one.item_id === item.item_id ? item : one));
    else this.returned.push(item);
    return told;
  }

  /* Counts the lanes anew; once for all answers within a moment. */
  follow() {
    this.followTimer ??= setTimeout(async () => {
      this.followTimer = null;
      try {
        const pairs = await this.fetchPairs();
        if (this.supply.selection) this.total = (await this.fetchFirst()).matching;
        if (!this.outbox.entries.length && !this.loading) this.recount(pairs);
      } catch {
        // The next answer brings it.
      }
    }, FOLLOW_MS);
  }

  recount(pairs) {
    this.lanes.set(pairs, this.total);
    this.lanes.draw();
    this.sheet.drawTitle(this.lanes.open, this.choices.target);
    if (this.page.length) return;
    this.supply.isStale = this.lanes.open.count > this.left.size;
    this.show();
  }

  /* Lets the page read its counters again, once, after typing stopped. */
  settleSoon() {
    clearTimeout(this.settleTimer);
    this.settleTimer = setTimeout(() => {
      if (!this.changed || this.outbox.entries.length) return;
      this.changed = false;
      this.say("settled", newId());
      // The page answers only if what it says has changed.
      if (!this.page.length) this.cardTimer = setTimeout(() => this.stillNone(), ANSWER_MS);
    }, this.page.length ? SETTLE_MS : 0);
  }
}

/* The images of a step's page, or of its decisions where nobody knows the page any more. */
function imagesOf(step) {
  return step.page ?? step.made.map((one) => one.item);
}

export default mounting(Grid);
