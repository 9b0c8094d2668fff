/* The images of the open lane that come after the page on the screen, in the server's order. */

const MOST = 200; // that a page may have in hand
const AGAIN_MS = 2000;

class Supply {
  /*
   * What it fetched is nobody else's, and stays so while it is ahead or shown.
   *
   * `holder` is the page to the server, `shown` returns what is on the screen, `isKnown` tells of
   * an image's number whether it is shown or settled already, `onMore` is called when there is
   * more or is found to be no more, `onProblem` with what went wrong.
   */

  constructor(api, { holder, shown, isKnown, onMore, onProblem }) {
    this.api = api;
    this.holder = holder;
    this.shown = shown;
    this.isKnown = isKnown;
    this.onMore = onMore;
    this.onProblem = onProblem;
    this.generation = 0;
    this.selection = "";
    this.ahead = [];
    this.isExhausted = false;
    this.isStale = false;
    this.withOthers = 0;
  }

  /* Begins with another lane, or with the same one anew; pages hold so many images. */
  open(lane, pageLength) {
    this.lane = lane;
    this.pageLength = pageLength;
    this.generation += 1;
    this.fetching = false;
    this.ahead = [];
    this.cursor = null;
    this.isExhausted = false;
    this.isStale = false;
    this.isSweeping = false;
    this.isShort = false;
    this.withOthers = 0;
    this.refill();
  }

  close() {
    this.generation += 1;
    clearTimeout(this.timer);
  }

  take(count) {
    const taken = this.ahead.splice(0, count);
    this.isShort = false;
    // Once these are on the screen.
    queueMicrotask(() => this.refill());
    return taken;
  }

  /* Has these images come next, those that are among them later once only. */
  putBack(items) {
    const back = new Set(items.map((item) => item.item_id));
    this.ahead = [...items, ...this.ahead.filter((item) => !back.has(item.item_id))];
  }

  drop(itemIds) {
    this.ahead = this.ahead.filter((item) => !itemIds.has(item.item_id));
  }

  /* Looks through the lane once more: the ranking may have changed before the cursor. */
  sweep() {
    if (!this.isExhausted || !this.isStale) return;
    this.isStale = false;
    this.isExhausted = false;
    this.isSweeping = true;
    this.cursor = null;
    this.refill();
  }

  refill() {
    const isEnough = this.ahead.length >= Math.min(2 * this.pageLength, MOST - this.pageLength);
    const isWanting = this.lane && !this.isExhausted && !isEnough && !this.isShort;
    if (isWanting && !this.fetching) this.fetch();
  }

  /* Has the server know what is still shown or ahead, so that it goes to nobody else. */
  async renew() {
    if (this.fetching || !this.lane) return;
    const { keep } = this;
    const query = `limit=${Math.max(1, keep.length)}&keep=${keep}${this.place}&${this.asked}`;
    await getJson(`${this.api}/queue?${query}`).catch(() => {}); // the next one may arrive
  }

  /* The numbers of all images that are shown or ahead. */
  get keep() {
    return [...this.shown(), ...this.ahead].map((item) => item.item_id).slice(0, MOST);
  }

  get place() {
    return this.cursor === null ? "" : `&after=${encodeURIComponent(this.cursor)}`;
  }

  get asked() {
    return `plain=1&holder=${this.holder.id}&share=${Math.min(MOST, 2 * this.pageLength)}` +
      this.lane.query(this.selection);
  }

  async fetch() {
    const { generation, cursor, keep } = this;
    const limit = Math.min(MOST, keep.length - this.ahead.length + 2 * this.pageLength);
    this.fetching = true;
    try {
      const query = `limit=${limit}&keep=${keep}${this.place}&${this.asked}`;
      const page = await getJson(`${this.api}/queue?${query}`);
      if (generation !== this.generation) return;
      this.fetching = false;
      this.add(page, cursor === null);
    } catch (error) {
      if (generation !== this.generation) return;
      this.fetching = false;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.refill(), AGAIN_MS);
      this.onProblem(error.message);
    }
  }

  add(page, isFromTheStart) {
    const ahead = new Set(this.ahead.map((item) => item.item_id));
    const fresh = page.items.filter(
      ({ item_id: itemId }) => !ahead.has(itemId) && !this.isKnown(itemId),
    );
    this.ahead.push(...fresh);
    this.cursor = page.after ?? null;
    this.isExhausted = this.cursor === null;
    // Where several are at work each has a share; more comes once some of it is settled.
    this.isShort = !page.items.length;
    this.withOthers = page.with_others;
    // What others had in hand before this place may come back.
    if (page.with_others && !isFromTheStart) this.isStale = true;
    this.isSweeping &&= !this.isExhausted;
    this.onMore();
    this.refill();
  }
}
