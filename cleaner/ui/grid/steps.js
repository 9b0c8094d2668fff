/* What one undo takes back and one redo brings back: all that was decided with one key. */

const MOST_REMEMBERED = 200; // decisions; more than two pages
const STEP_OF = /^(.{8,58})\.\d{1,3}$/;

class Steps {
  /*
   * A step is {made, page, lane}. `made` holds {opId, item, action, label} for each decision;
   * the page it was made on and its lane are known only until the tab is closed. The ids of a
   * step begin alike, so that the log tells after a restart which decisions were one.
   */

  constructor(api) {
    this.api = api;
    this.done = [];
    this.undone = [];
  }

  /* Reads both stacks from the log; other people's decisions stay theirs. */
  async read() {
    const name = encodeURIComponent(reviewerName());
    const { decisions, undone } = await getJson(
      `${this.api}/history?limit=${MOST_REMEMBERED}&reviewer=${name}`,
    );
    return () => {
      this.done = inSteps(decisions);
      this.undone = inSteps(undone);
    };
  }

  push(step) {
    if (step.made.length) this.done.push(step);
  }

  /* Takes a decision that was refused out of whatever step it belongs to. */
  forget(opId) {
    for (const stack of ["done", "undone"]) {
      for (const step of this[stack]) step.made = step.made.filter((one) => one.opId !== opId);
      this[stack] = this[stack].filter((step) => step.made.length);
    }
  }
}

/* Returns ids that begin alike, one for each of so many decisions. */
function idsOfStep(count) {
  const start = newId();
  return Array.from({ length: count }, (_, index) => `${start}.${index}`);
}

/* Returns the entries that undo or redo a step, and the step that takes this back in turn. */
function turned(action, step) {
  const ids = idsOfStep(step.made.length);
  const entries = step.made.map(({ opId, item }, index) => ({
    op_id: ids[index], item_id: item.item_id, action, label: null, undoes: opId,
  }));
  const made = step.made.map((one, index) => ({ ...one, opId: ids[index] }));
  return { entries, step: { ...step, made } };
}

/* Returns what the log tells, the latest first, as steps, the latest last. */
function inSteps(told) {
  const found = new Map();
  for (const { op_id: opId, action, label, item } of told) {
    const start = STEP_OF.exec(opId)?.[1] ?? opId;
    if (!found.has(start)) found.set(start, { lane: null, page: null, made: [] });
    found.get(start).made.unshift({ opId, action, label: label ?? null, item });
  }
  return [...found.values()].reverse();
}
