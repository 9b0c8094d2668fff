/* How many pictures a page has, and how large they are; this browser remembers it. */

const SIZES = { fit: "Fit", medium: "Medium", large: "Large" };
const COUNTS = [24, 48, 96];
const HEIGHT_PX = { medium: 140, large: 210 };
const THUMB_SIDES = [160, 320]; // that the server makes
const LOOK_KEY = "cleaner:grid";

class Look {
  constructor() {
    const { size, count } = recall("localStorage", LOOK_KEY, {});
    this.size = size in SIZES ? size : "fit";
    this.count = COUNTS.includes(count) ? count : 48;
  }

  /* Takes another size or count, or both. */
  set({ size = this.size, count = this.count }) {
    this.size = size;
    this.count = count;
    remember("localStorage", LOOK_KEY, { size, count });
  }

  /* The size a step larger or smaller, or the same at the end. */
  beside(step) {
    const sizes = Object.keys(SIZES);
    return sizes[sizes.indexOf(this.size) + step] ?? this.size;
  }

  /* The longer side of the thumbnails, as sharp as the screen is. */
  get thumbSide() {
    const largest = { fit: this.count < 48 ? 200 : 140, medium: 160, large: 280 };
    const wanted = largest[this.size] * Math.min(2, window.devicePixelRatio);
    return THUMB_SIDES.find((side) => side >= wanted) ?? THUMB_SIDES.at(-1);
  }
}
