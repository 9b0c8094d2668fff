/* How what was decided stands: saved, on its way, or kept in this browser. */

const SHOW_SAVING_AFTER_MS = 300;

class SavedSign {
  constructor() {
    this.words = el("span", "saved-words");
    this.root = el("span", "saved", el("span", "dot"), this.words);
    this.root.setAttribute("role", "status");
  }

  draw(outbox) {
    const waiting = outbox.entries.length;
    clearTimeout(this.timer);
    if (!waiting) {
      this.say("saved", "All saved");
    } else if (outbox.failures) {
      const why = outbox.problem || "The server does not answer.";
      this.say("offline", `${waiting} kept in this browser. ${why} Trying again.`);
    } else {
      // In words only when it takes long enough to be read.
      this.root.dataset.state = "saving";
      this.timer = setTimeout(() => this.say("saving", `Saving ${waiting}`), SHOW_SAVING_AFTER_MS);
    }
  }

  say(state, words) {
    this.root.dataset.state = state;
    this.words.textContent = words;
  }
}
