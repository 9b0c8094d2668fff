/* Says that somebody else was quicker with an image; its decision stands until it is replaced. */

class Notice {
  constructor({ onLeave, onAnew }) {
    this.told = el("div", "notice-told");
    this.lost = el("div", "notice-lost");
    const leave = button("action", el("span", "words", "Leave it so"), keycaps("L"));
    leave.addEventListener("click", onLeave);
    const anew = button("action", el("span", "words", "Decide anew"), keycaps("D"));
    anew.addEventListener("click", onAnew);
    this.root = el("div", "notice", this.told, this.lost, leave, anew);
    this.root.setAttribute("role", "alert");
    this.root.hidden = true;
  }

  draw(notice) {
    this.root.hidden = !notice;
    if (!notice) return;
    this.told.textContent = notice.told;
    this.lost.textContent = notice.lost;
  }
}

function keycaps(key) {
  return el("span", "caps", keycap(key));
}

/* Returns what somebody decided and when, in the time of whoever reads it. */
function toldWithTime({ deed, decided_at: decidedAt }) {
  const when = new Date(decidedAt);
  const isToday = when.toDateString() === new Date().toDateString();
  const date = isToday ? {} : { year: "numeric", month: "short", day: "numeric" };
  const time = when.toLocaleString("en-GB", { hour: "2-digit", minute: "2-digit", ...date });
  return `${deed}, ${time}`;
}
