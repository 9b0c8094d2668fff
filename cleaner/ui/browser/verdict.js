/* A few words that fade: what a key has just done, or why it did nothing. */

class Verdict {
  constructor() {
    this.root = el("div", "verdicts");
    this.root.setAttribute("aria-live", "polite");
  }

  /* Says it; `more` stands below it, and both stay long enough to be read. */
  say(kind, words, more = "") {
    const node = el("div", `verdict ${kind}${more ? " told" : ""}`, words);
    if (more) node.append(el("div", "verdict-more", more));
    // A new element fades anew. To start over with the old one costs a layout at every key.
    this.root.replaceChildren(node);
  }
}
