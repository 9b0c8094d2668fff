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
