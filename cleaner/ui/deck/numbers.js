/* Which class each of the keys 1 to 9 stands for. */

const NUMBERS = 9;

class ClassNumbers {
  /*
   * With few classes each has a number, in their order. With more, a class gets one when it was
   * typed. What was typed in earlier sessions is still there and makes room for new ones, the
   * longest unused first; a number that was used in this session keeps its meaning until its end.
   */

  constructor(api) {
    this.key = `cleaner:numbers:${api}`;
    const { places = [], latest = [] } = recall("localStorage", this.key, {});
    this.places = places; // a name or null for each number
    this.latest = latest; // names, the one used last first
    this.fixed = new Set(recall("sessionStorage", this.key, []));
  }

  setClasses(names) {
    this.all = names.length <= NUMBERS;
    const known = new Set(names);
    const kept = (name) => (known.has(name) ? name : null);
    const places = this.all ? names : this.places.map(kept);
    const room = this.all ? names.length : NUMBERS;
    this.places = Array.from({ length: room }, (_, at) => places[at] ?? null);
    this.latest = this.latest.filter((name) => known.has(name));
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
    remember("localStorage", this.key, { places: this.places, latest: this.latest });
    remember("sessionStorage", this.key, [...this.fixed]);
    return isNew ? at + 1 : 0;
  }

  room() {
    const free = this.places.indexOf(null);
    if (free >= 0) return free;
    const unused = this.latest.filter((name) => !this.fixed.has(name));
    return this.places.indexOf(unused.at(-1));
  }
}
