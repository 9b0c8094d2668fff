/* The picture as large as its pixels, and larger; and the part of it that is looked at. */

const STEP = 1.4; // of + and -
const WHEEL_STEP = 0.0018; // of a factor, a pixel of the wheel
const MOST_A_PIXEL = 8; // screen pixels that one of the image may take
const LEAST_MOST = 4; // also a large image can be made so many times larger
const COARSE = 2; // screen pixels a pixel, from which on they are shown as squares
const LARGEST_SIDE = 4096; // that the server makes
const WHOLE = { scale: 1, x: 0, y: 0 };

class Loupe {
  /*
   * Scale 1 is the whole picture in its frame. `place` holds the image; a finer one comes over it
   * once the pixels of what the deck loads ahead do not suffice. Each image begins whole.
   *
   * `urlOf` gives the address of an item's image with a longer side.
   */

  constructor(place, urlOf) {
    this.place = place;
    this.urlOf = urlOf;
    this.sign = el("span", "zoom-sign");
    this.sign.hidden = true;
    this.pointers = new Map();
    Object.assign(this, WHOLE);
    place.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    place.addEventListener("dblclick", (event) => this.toggle(this.at(event)));
    place.addEventListener("pointerdown", (event) => this.press(event));
    place.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      place.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
  }

  /* Takes the image that is shown now. */
  show(image, item) {
    if (this.image === image) return;
    this.drop();
    this.image = image;
    this.item = item;
  }

  /* Takes what lies over the image and goes with it, or null. */
  lay(over) {
    this.over?.remove();
    this.over = over;
    if (!over) return;
    this.place.append(over);
    if (this.image) this.draw();
  }

  drop() {
    this.reset();
    this.lay(null);
    this.finer?.remove();
    this.finer = null;
    this.image = null;
  }

  reset() {
    if (this.scale === 1) return; // most images are never zoomed, and nothing is measured
    Object.assign(this, WHOLE);
    this.draw();
  }

  /* Returns how many screen pixels one of the image takes while the whole is shown. */
  fitted() {
    const { clientWidth, clientHeight } = this.image;
    return Math.min(clientWidth / this.item.width, clientHeight / this.item.height);
  }

  most() {
    return Math.max(LEAST_MOST, MOST_A_PIXEL / this.fitted());
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * WHEEL_STEP), this.at(event));
  }

  /* Goes to one screen pixel a pixel, or twice the size if that is no larger; and back. */
  toggle(point) {
    if (!this.image) return;
    this.zoom(this.scale > 1 ? 0 : Math.max(1 / this.fitted(), 2), point);
  }

  in() {
    this.zoom(STEP, { x: 0, y: 0 });
  }

  out() {
    this.zoom(1 / STEP, { x: 0, y: 0 });
  }

  /* Changes the scale by a factor; what lies under the point, seen from the middle, stays. */
  zoom(factor, point) {
    if (!this.image) return;
    const scale = Math.min(this.most(), Math.max(1, this.scale * factor));
    const change = scale / this.scale;
    this.scale = scale;
    this.move(point.x - (point.x - this.x) * change, point.y - (point.y - this.y) * change);
  }

  /* Never past an edge of the picture. */
  move(x, y) {
    const aPixel = this.scale * this.fitted();
    const within = (value, pixels, frame) => {
      const most = Math.max(0, (pixels * aPixel - frame) / 2);
      return Math.min(most, Math.max(-most, value));
    };
    this.x = within(x, this.item.width, this.image.clientWidth);
    this.y = within(y, this.item.height, this.image.clientHeight);
    this.draw();
  }

  /* Returns where a pointer is, from the middle of the frame. */
  at(event) {
    const box = this.place.getBoundingClientRect();
    return { x: event.clientX - box.x - box.width / 2, y: event.clientY - box.y - box.height / 2 };
  }

  press(event) {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, this.at(event));
    this.place.setPointerCapture(event.pointerId);
  }

  /* One pointer moves the picture, two pinch it. */
  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before || !this.image) return;
    const now = this.at(event);
    this.pointers.set(event.pointerId, now);
    const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
    if (other) {
      const span = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
      this.zoom(span(now) / span(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    } else if (this.scale > 1) {
      this.move(this.x + now.x - before.x, this.y + now.y - before.y);
    }
  }

  draw() {
    const isLarger = this.scale > 1;
    const aPixel = isLarger ? this.scale * this.fitted() : 0;
    for (const { style } of [this.image, this.finer, this.over].filter(Boolean)) {
      const [x, y] = [this.x, this.y].map((value) => `${value.toFixed(1)}px`);
      style.transform = isLarger ? `translate(${x}, ${y}) scale(${this.scale})` : "";
      style.imageRendering = aPixel >= COARSE ? "pixelated" : "";
    }
    this.place.classList.toggle("is-larger", isLarger);
    this.sign.hidden = !isLarger;
    this.sign.textContent = `${Math.round(100 * aPixel)}%`;
    if (isLarger) this.refine();
  }

  /* Fetches more pixels, where there are more and they would be seen. */
  refine() {
    const { image, item } = this;
    const loaded = Math.max(image.naturalWidth, image.naturalHeight);
    const wanted = Math.max(item.width, item.height);
    const seen = this.scale * Math.max(image.clientWidth, image.clientHeight);
    if (this.finer || loaded >= wanted || seen <= loaded) return;
    const finer = new Image();
    finer.alt = "";
    finer.className = "finer";
    finer.draggable = false;
    finer.src = this.urlOf(item, LARGEST_SIDE);
    this.finer = finer;
    finer.decode().then(
      () => {
        if (this.finer !== finer) return;
        this.place.append(finer);
        this.draw();
      },
      () => {}, // the coarser one stays
    );
  }
}
