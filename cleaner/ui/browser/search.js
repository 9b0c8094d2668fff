/* The search for a class by the letters of its name. */

const MOST_FOUND = 50;

class ClassSearch {
  /*
   * A box over the component.
   *
   * `tagOf` gives a word beside a class, or ""; `onChosen` takes the class that was chosen.
   */

  constructor({ tagOf, onChosen }) {
    this.tagOf = tagOf;
    this.onChosen = onChosen;
    this.names = new Map();
    this.chosen = 0;
    this.input = el("input", "search-input");
    this.input.type = "text";
    this.input.placeholder = "Move to which class?";
    this.input.autocomplete = "off";
    this.input.spellcheck = false;
    this.input.setAttribute("aria-label", "Move to which class?");
    this.input.addEventListener("input", () => this.fill());
    this.input.addEventListener("blur", () => this.close());
    this.list = el("div", "search-list");
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Classes");
    this.list.id = "classes-found";
    this.input.setAttribute("role", "combobox");
    this.input.setAttribute("aria-expanded", "true");
    this.input.setAttribute("aria-controls", this.list.id);
    const hint = el("div", "search-hint", keycap("↑"), keycap("↓"), " choose  ", keycap("Enter"),
      " move  ", keycap("Esc"), " back");
    this.root = el("div", "overlay", el("div", "search", this.input, this.list, hint));
    this.root.hidden = true;
  }

  /* Takes the classes as the server names them: {name, shown}. */
  setClasses(classes) {
    this.names = new Map(classes.map((one) => [one.name, one.shown]));
  }

  /* Returns a class name as people may see it. */
  shown(className) {
    return this.names.get(className) ?? className;
  }

  open() {
    this.root.hidden = false;
    this.input.value = "";
    this.fill();
    this.input.focus();
  }

  close() {
    if (this.root.hidden) return;
    this.root.hidden = true;
    this.input.blur();
  }

  fill() {
    const typed = this.input.value.trim().toLocaleLowerCase();
    const found = [...this.names]
      .map((entry) => [misfit(entry[1].toLocaleLowerCase(), typed), entry])
      .filter(([worse]) => worse !== null)
      .sort(([a], [b]) => a - b)
      .slice(0, MOST_FOUND)
      .map(([, entry]) => entry);
    this.list.replaceChildren(...found.map(([name, shown], at) => this.option(name, shown, at)));
    if (!found.length) this.list.append(el("div", "search-none", "No class with these letters."));
    this.highlight(0);
  }

  option(name, shown, at) {
    const option = el("div", "option", el("span", "name", shown));
    option.setAttribute("role", "option");
    option.dataset.name = name;
    option.id = `class-found-${at}`;
    const tag = this.tagOf(name);
    if (tag) option.append(el("span", "tag", tag));
    option.addEventListener("mousedown", (event) => {
      event.preventDefault();
      this.take(option);
    });
    return option;
  }

  get options() {
    return [...this.list.querySelectorAll(".option")];
  }

  highlight(index) {
    const options = this.options;
    this.chosen = options.length ? (index + options.length) % options.length : 0;
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === this.chosen)));
    const chosen = options[this.chosen];
    chosen?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", chosen?.id ?? "");
  }

  /* Takes a key that was pressed in the box; the page's own shortcuts must not see it. */
  key(event) {
    event.stopPropagation();
    const handlers = {
      ArrowDown: () => this.highlight(this.chosen + 1),
      ArrowUp: () => this.highlight(this.chosen - 1),
      Escape: () => this.close(),
      Enter: () => this.take(this.options[this.chosen]),
    };
    if (event.isComposing || !handlers[event.key]) return;
    event.preventDefault();
    handlers[event.key]();
  }

  take(option) {
    if (!option) return;
    this.close();
    this.onChosen(option.dataset.name);
  }
}

/* Returns how well a name fits what was typed, 0 best: as its beginning, a word's, a part. */
function misfit(name, typed) {
  const at = name.indexOf(typed);
  if (at < 0) return null;
  if (at === 0) return name.length === typed.length ? 0 : 1;
  return /[^\p{L}\p{N}]/u.test(name[at - 1]) ? 2 : 3;
}
