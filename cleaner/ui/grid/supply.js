/* The images of the open lane that come after the page on the screen, in the server's order. */

const MOST = 200; // that the server gives at a time
const AGAIN_MS = 2000;

class Supply {
  /*
   * `isKnown` tells of an image's number whether it is shown or settled already, `onMore` is
   * called when there is more or is found to be no more, `onProblem` with what went wrong.
   */

  constructor(api, { isKnown, onMore, onProblem }) {
    this.api = api;
    this.isKnown = isKnown;
    this.onMore = onMore;
    this.onProblem = onProblem;
    this.generation = 0;
    this.selection = "";
    this.ahead = [];
    this.isExhausted = false;
    this.isStale = false;
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
    this.refill();
  }

  close() {
    this.generation += 1;
    clearTimeout(this.timer);
  }

  take(count) {
    const taken = this.ahead.splice(0, count);
    this.refill();
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
    const isEnough = this.ahead.length >= 2 * this.pageLength;
    if (this.lane && !this.fetching && !this.isExhausted && !isEnough) this.fetch();
  }

  async fetch() {
    const generation = this.generation;
    const limit = Math.min(MOST, 2 * this.pageLength);
    const after = this.cursor === null ? "" : `&after=${encodeURIComponent(this.cursor)}`;
    this.fetching = true;
    try {
      const query = `limit=${limit}${after}${this.lane.query(this.selection)}`;
      const page = await getJson(`${this.api}/queue?${query}`);
      if (generation !== this.generation) return;
      this.fetching = false;
      this.add(page, limit);
    } catch (error) {
      if (generation !== this.generation) return;
      this.fetching = false;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.refill(), AGAIN_MS);
      this.onProblem(error.message);
    }
  }

  add(page, limit) {
    const ahead = new Set(this.ahead.map((item) => item.item_id));
    const fresh = page.items.filter(
      ({ item_id: itemId }) => !ahead.has(itemId) && !this.isKnown(itemId),
    );
    this.ahead.push(...fresh);
    this.cursor = page.after ?? null;
    this.isExhausted = this.cursor === null || page.items.length < limit;
    this.isSweeping &&= !this.isExhausted;
    this.onMore();
    this.refill();
  }
}
