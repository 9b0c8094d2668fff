/*
 * Why the committee doubts a label, beside the picture: images like it, duplicates, votes, and
 * where the model looks.
 *
 * Nothing here is asked for before a person has rested on an image, and what is under way ends
 * when they go on. A key never waits for it, and the picture keeps its place and size.
 */

const LIKE_SIDE = 160;
const LARGER_SIDE = 960;
const HOVER_MS = 120; // so that a pointer on its way elsewhere changes nothing
const REMEMBERED = 12; // images whose evidence is kept for those who come back
const EVIDENCE_KEY = "cleaner:evidence";
const MEMBERS = {
  ridge: "Ridge", mlp: "Network", linear: "Linear", neighbours: "Neighbours", "fine-tuned": "Fine-tuned",
};

class Evidence {
  constructor(deck) {
    this.deck = deck;
    this.screen = deck.screen;
    this.known = new Map();
    this.item = null;
    this.isOn = recall("localStorage", EVIDENCE_KEY, true) !== false;
    this.votes = this.screen.evidence;
    this.larger = el("div", "larger");
    this.larger.hidden = true;
    this.legend = el("div", "legend");
    this.legend.setAttribute("role", "status");
    this.twins = el("div", "twins");
    this.like = el("div", "like");
    this.screen.stage.append(this.twins, this.legend, this.larger);
    this.screen.stripItems.after(this.like);
    this.votes.addEventListener("rest", (event) => this.rest(event.detail));
    this.votes.addEventListener("leave", () => this.leave());
    this.draw();
  }

  close() {
    this.leave();
  }

  toggle() {
    this.isOn = !this.isOn;
    remember("localStorage", EVIDENCE_KEY, this.isOn);
    this.draw();
    if (this.item) this.rest(this.item);
  }

  draw() {
    this.screen.root.classList.toggle("with-evidence", this.isOn);
  }

  /* Another image comes: what belongs to the one before goes, on the screen and on its way. */
  leave() {
    this.item = null;
    clearTimeout(this.hovering);
    this.asking?.abort();
    this.looking?.abort();
    this.enlarge(null);
    this.hideHeat();
    for (const part of [this.votes, this.like, this.twins]) part.replaceChildren();
  }

  async rest(item) {
    this.item = item;
    if (!this.isOn) return;
    this.asking?.abort();
    this.asking = new AbortController();
    try {
      const found = await this.found(item, this.asking.signal);
      if (this.item === item && this.isOn) this.show(found);
    } catch (error) {
      if (error.name === "AbortError" || this.item !== item) return;
      const words = error instanceof TypeError ? "The server does not answer." : error.message;
      this.like.replaceChildren(el("div", "like-none", words));
    }
  }

  async found(item, signal) {
    // Labels of others change with every decision; near ones are worth more than new ones.
    const name = [this.deck.round, item.item_id, item.current_label, item.suggested_label].join("\n");
    if (!this.known.has(name)) {
      const url = `${this.deck.api}/evidence/${item.item_id}`;
      const answer = await fetch(url, { cache: "no-store", signal });
      const body = await answer.json();
      if (!answer.ok) throw new Error(body.error);
      this.known.set(name, body);
      if (this.known.size > REMEMBERED) this.known.delete(this.known.keys().next().value);
    }
    return this.known.get(name);
  }

  show(found) {
    this.like.replaceChildren(
      this.row("current", found.current, found.like_current),
      found.suggested === null ? "" : this.row("suggested", found.suggested, found.like_suggested),
    );
    this.showVotes(found);
    this.showTwins(found);
  }

  // -- images like it

  row(kind, label, images) {
    const title = el("div", "like-title", "Like it, labelled ", el("span", "name", label));
    const thumbs = images.map((one) => this.thumb(one, [
      label, `${percent(Math.max(0, one.similarity))} alike`,
      one.confirmed ? "confirmed by a person" : "not in doubt",
    ]));
    const none = el("div", "like-none", "No image of this class is beyond doubt yet.");
    return el("div", `like-row ${kind}`, title,
      el("div", "like-thumbs", ...(thumbs.length ? thumbs : [none])));
  }

  thumb(one, words) {
    const image = new Image();
    image.alt = "";
    image.src = this.deck.pictures.url(one, LIKE_SIDE);
    const node = button("thumb", image);
    if (one.confirmed) node.append(el("span", "sure", "✓"));
    node.setAttribute("aria-label", words.join(", "));
    this.enlarges(node, () => this.compare(one, words));
    return node;
  }

  /* Shows more about what the pointer, the focus or a finger is on. */
  enlarges(node, show) {
    const hide = () => {
      clearTimeout(this.hovering);
      this.enlarge(null);
    };
    node.addEventListener("pointerenter", () => {
      clearTimeout(this.hovering);
      this.hovering = setTimeout(show, HOVER_MS);
    });
    node.addEventListener("focus", show);
    node.addEventListener("click", show);
    node.addEventListener("pointerleave", hide);
    node.addEventListener("blur", hide);
  }

  /* Shows another image side by side with the suspect. */
  compare(one, words) {
    this.enlarge(this.portrait(one, words));
    this.screen.stage.classList.add("comparing");
  }

  portrait(one, words) {
    const image = new Image();
    image.alt = "";
    image.src = this.deck.pictures.url(one, LARGER_SIDE);
    const [label, ...more] = words;
    return [image, el("div", "larger-words", el("span", "name", label), ` · ${more.join(" · ")}`)];
  }

  enlarge(parts) {
    this.screen.stage.classList.remove("comparing");
    this.larger.hidden = parts === null;
    this.larger.replaceChildren(...(parts ?? []));
  }

  // -- duplicates

  showTwins(found) {
    if (!found.duplicates.length) return;
    const count = found.duplicate_count;
    const thumbs = found.duplicates.map((one) => {
      const kind = one.exact ? "the same file" : "nearly the same picture";
      const node = this.thumb(one, [one.label, kind]);
      node.classList.toggle("otherwise", one.label !== found.current);
      return node;
    });
    const others = new Set(found.duplicates.map((one) => one.label));
    others.delete(found.current);
    const words = others.size
      ? el("span", "", count === 1 ? "Its duplicate is labelled " : "Duplicates are labelled ",
        el("span", "name", [...others].join(", ")))
      : el("span", "", count === 1 ? "Its duplicate has this label too" : `${count} duplicates have this label too`);
    this.twins.replaceChildren(...thumbs.slice(0, 4), words);
  }

  // -- votes

  showVotes(found) {
    const kindOf = (label) =>
      label === found.current ? "current" : label === found.suggested ? "suggested" : "other";
    const models = found.votes.map((vote) => {
      const dot = el("span", `vote ${kindOf(vote.top[0][0])}`);
      dot.classList.toggle("unheard", vote.share < 0.005);
      return dot;
    });
    const line = button("votes", el("span", "", "Models"), el("span", "dots", ...models));
    if (found.views) line.append(el("span", "", "Views"), el("span", "dots", ...viewDots(found.views)));
    line.setAttribute("aria-label", "How the committee voted");
    this.enlarges(line, () => this.enlarge([votesTable(found)]));
    const look = button("quiet look", keycap("W"), " Map");
    look.title = "Where the model looks";
    look.addEventListener("click", () => this.look());
    this.votes.replaceChildren(line, look);
  }

  // -- where the model looks

  async look() {
    const item = this.deck.current;
    if (!item) return;
    if (this.deck.isBlind) {
      this.screen.flash("wait", "Blind: decide first, then see");
      return;
    }
    if (this.legend.firstChild) {
      this.looking?.abort();
      this.hideHeat();
      return;
    }
    this.looking = new AbortController();
    this.legend.replaceChildren("Looking …");
    try {
      const url = `${this.deck.api}/heat/${item.item_id}`;
      const answer = await fetch(url, { cache: "no-store", signal: this.looking.signal });
      if (!answer.ok) throw new Error((await answer.json()).error);
      const drawn = await answer.blob();
      if (this.deck.current === item) this.showHeat(item, drawn);
    } catch (error) {
      if (error.name === "AbortError" || this.deck.current !== item) return;
      this.legend.replaceChildren(
        error instanceof TypeError ? "The server does not answer." : error.message,
      );
    }
  }

  showHeat(item, drawn) {
    this.heat = new Image();
    this.heat.alt = "";
    this.heat.className = "heat";
    this.heat.src = URL.createObjectURL(drawn);
    this.screen.loupe.lay(this.heat);
    const name = (label) => el("span", "name", this.screen.name(label));
    this.legend.replaceChildren(
      "Speaks for ", el("span", "swatch suggested"), name(item.suggested_label),
      el("span", "swatch current"), name(item.current_label), keycap("W"),
    );
  }

  hideHeat() {
    this.legend.replaceChildren();
    if (!this.heat) return;
    URL.revokeObjectURL(this.heat.src);
    this.screen.loupe.lay(null);
    this.heat = null;
  }
}

function viewDots({ count, current, suggested }) {
  const kinds = [
    ...Array(current).fill("current"), ...Array(suggested).fill("suggested"),
    ...Array(Math.max(0, count - current - suggested)).fill("other"),
  ];
  return kinds.map((kind) => el("span", `vote ${kind}`));
}

function votesTable({ votes, views, current, suggested }) {
  const chance = (value) => (value === null ? "" : percent(value));
  const rows = votes.map((vote) => el(
    "tr", vote.share < 0.005 ? "unheard" : "",
    el("th", "", MEMBERS[vote.member] ?? vote.member),
    el("td", "", chance(vote.current)),
    ...(suggested === null ? [] : [el("td", "", chance(vote.suggested))]),
    el("td", "rest", vote.top[0][0]), el("td", "rest", chance(vote.share)),
  ));
  const heads = ["Model", current, ...(suggested === null ? [] : [suggested]), "Says", "Counts"];
  const table = el("table", "votes-table",
    el("thead", "", el("tr", "", ...heads.map((words) => el("th", "name", words)))),
    el("tbody", "", ...rows));
  const seen = views
    ? `Of ${views.count} views of it, ${views.current} look like ${current}` +
      (suggested === null ? "." : `, ${views.suggested} like ${suggested}.`)
    : "";
  return el("div", "", table, el("div", "larger-words", `None of the models has seen this image. ${seen}`));
}
