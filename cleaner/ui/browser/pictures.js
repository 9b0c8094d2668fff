/* Images that are decoded before they are shown. */

class Pictures {
  /* Images decoded before they are needed. */

  constructor(api, onBroken, { side = null, onLoaded = () => {} } = {}) {
    this.api = api;
    this.onBroken = onBroken;
    this.onLoaded = onLoaded;
    this.kept = new Map();
    this.broken = new Map();
    this.side = side ?? (window.devicePixelRatio > 1.25 ? 1600 : 960);
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
    image.onload = () => this.onLoaded();
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
