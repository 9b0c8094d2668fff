/* Who decides, in the top bar. */

const MOST_LETTERS = 60;

class Nameplate {
  /*
   * The name in the top bar, and the question for it: asked once, and again on a click.
   *
   * `onChange` is called when another name goes with the decisions from now on.
   */

  constructor(onChange) {
    this.onChange = onChange;
    this.name = el("span", "name");
    this.opener = button("quiet who", this.name);
    this.opener.title = "Your name goes into the log with each decision";
    this.opener.addEventListener("click", () => this.ask());
    this.input = el("input", "who-input");
    this.input.type = "text";
    this.input.maxLength = MOST_LETTERS;
    this.input.placeholder = "Your name";
    this.input.autocomplete = "off";
    this.input.spellcheck = false;
    this.input.setAttribute("aria-label", "Your name, for the log");
    const without = button("quiet", "No name");
    without.addEventListener("click", () => this.take(""));
    const save = el("button", "quiet who-save", "Save");
    save.type = "submit";
    this.form = el("form", "who-form", this.input, save, without);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.take(this.input.value);
    });
    this.root = el("span", "who-place", this.opener, this.form);
    this.end = onRenamed(() => this.draw());
    this.draw();
  }

  close() {
    this.end();
  }

  /* Takes the name that the login knows, which nobody can change here, or "". */
  setLogin(name) {
    this.login = name;
    this.opener.disabled = Boolean(name);
    this.draw();
  }

  draw() {
    const isAnswered = Boolean(this.login) || isNameGiven();
    this.form.hidden = isAnswered;
    this.opener.hidden = !isAnswered;
    this.name.textContent = this.login || reviewerName() || "Add your name";
  }

  ask() {
    this.input.value = reviewerName();
    this.form.hidden = false;
    this.opener.hidden = true;
    this.input.focus();
    this.input.select();
  }

  take(typed) {
    const isOther = keepName(typed);
    this.input.blur();
    this.draw();
    if (isOther) this.onChange();
  }

  /* Takes a key that was pressed in the box; the page's own shortcuts must not see it. */
  key(event) {
    event.stopPropagation();
    if (event.key === "Escape") {
      this.input.blur();
      this.draw();
    }
  }
}
