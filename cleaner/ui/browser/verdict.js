/* A few words that fade: what a key has just done, or why it did nothing. */

class Verdict {
  constructor() {
    this.root = el("div", "verdict");
    this.root.setAttribute("aria-live", "polite");
  }

  /* Says it; `more` stands below it, and stays long enough to be read. */
  say(kind, words, more = "") {
    this.root.className = `verdict ${kind}${more ? " told" : ""}`;
    this.root.replaceChildren(words, ...(more ? [el("div", "verdict-more", more)] : []));
    // Restarts the fading.
    this.root.getAnimations?.().forEach((animation) => {
      animation.cancel();
      animation.play();
    });
  }
}
