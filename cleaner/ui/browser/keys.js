/* Which keys are a component's own, and the list of them that it shows. */

const TYPED_INTO = "input, textarea, select, [contenteditable=''], [contenteditable=true]";
const PRESSED = "button, a[href], summary, [role=button], [role=tab], [role=checkbox], [role=radio], [role=option], [role=menuitem], [role=combobox]";

/* Whether a key belongs to a component, and not to a control, a dialog or the browser. */
function isFree(event, root, { mayRepeat = false } = {}) {
  if (event.isComposing || event.defaultPrevented || (event.repeat && !mayRepeat)) return false;
  if (!root.isConnected || document.querySelector("[role=dialog][aria-modal=true]")) return false;
  const target = event.composedPath()[0];
  const element = target instanceof Element ? target : null;
  if (element?.closest(TYPED_INTO) && !isTickBox(element)) return false;
  // Enter and Space belong to whatever control the person has tabbed to.
  const presses = event.key === "Enter" || event.key === " ";
  return !(presses && element && (element.closest(PRESSED) || isTickBox(element)));
}

function isTickBox(element) {
  return element.matches("input[type=checkbox], input[type=radio]");
}

class KeyList {
  /* What each key does; rows of [keys, what stands between them, words]. */

  constructor(title, rows) {
    const close = button("quiet help-close", keycap("Esc"), " Close");
    close.addEventListener("click", () => this.toggle());
    const box = el("div", "help", el("div", "help-title", title), ...rows.map(keyRow), close);
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-label", "Keys");
    this.root = el("div", "overlay", box);
    this.root.hidden = true;
    this.root.addEventListener("click", (event) => {
      if (event.target === this.root) this.toggle();
    });
    this.opener = button("quiet", keycap("?"), " Keys");
    this.opener.addEventListener("click", () => this.toggle());
  }

  get isOpen() {
    return !this.root.hidden;
  }

  toggle() {
    this.root.hidden = !this.root.hidden;
  }
}

function keyRow([keys, joint, words]) {
  const caps = keys.flatMap((key, at) => (at ? [joint, keycap(key)] : [keycap(key)]));
  return el("div", "help-row", el("span", "help-caps", ...caps), el("span", "", words));
}
