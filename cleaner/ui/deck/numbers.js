/* Which class each of the keys 1 to 9 stands for. */

const NUMBERS = 9;

class ClassNumbers {
  /*
   * With few classes each has a number, in their order. With more, those have one that are
   * suggested most, and a class gets one when it was typed. What nobody used makes room for it
   * first, then what was typed in earlier sessions, the longest unused first; a number that was
   * used in this session keeps its meaning until its end.
   */

  constructor(api) {
    this.key = `cleaner:numbers:${api}`;
    const { places = [], latest = [] } = recall("localStorage", this.key, {});
    this.places = places; // a name or null for each number
    this.latest = latest; // names, the one used last first
    this.fixed = new Set(recall("sessionStorage", this.key, []));
  }

  setClasses(names) {
    this.names = names;
    this.all = names.length <= NUMBERS;
    const known = new Set(names);
    const kept = (name) => (known.has(name) ? name : null);
    const places = this.all ? names : this.places.map(kept);
    const room = this.all ? names.length : NUMBERS;
    this.places = Array.from({ length: room }, (_, at) => places[at] ?? null);
    this.latest = this.latest.filter((name) => known.has(name));
  }

  /* Gives free numbers to those classes that come up most among these labels. */
  suggest(labels) {
    if (this.all) return;
    const times = new Map();
    for (const label of labels) times.set(label, (times.get(label) ?? 0) + 1);
    const waiting = this.names.filter((name) => times.has(name) && !this.places.includes(name));
    const room = this.places.filter((name) => name === null).length;
    const chosen = [...waiting].sort((a, b) => times.get(b) - times.get(a)).slice(0, room);
    const inOrder = waiting.filter((name) => chosen.includes(name));
    this.places = this.places.map((name) => name ?? inOrder.shift() ?? null);
    this.keep();
  }

  /* Returns the class with this number, or null. */
  named(number) {
    return this.places[number - 1] ?? null;
  }

  /* Notes that a class was used; returns the number it got now, or 0. */
  use(name) {
    if (this.all) return 0;
    const isNew = !this.places.includes(name);
    const at = isNew ? this.room() : this.places.indexOf(name);
    if (at < 0) return 0;
    this.places[at] = name;
    this.latest = [name, ...this.latest.filter((other) => other !== name)].slice(0, NUMBERS);
    this.fixed.add(name);
    this.keep();
    return isNew ? at + 1 : 0;
  }

  keep() {
    remember("localStorage", this.key, { places: this.places, latest: this.latest });
    remember("sessionStorage", this.key, [...this.fixed]);
  }

  room() {
    const free = this.places.indexOf(null);
    if (free >= 0) return free;
    const isIdle = (name) => !this.fixed.has(name) && !this.latest.includes(name);
    const idle = this.places.findLastIndex(isIdle);
    if (idle >= 0) return idle;
    const unused = this.latest.filter((name) => !this.fixed.has(name));
    return this.places.indexOf(unused.at(-1));
  }
}
