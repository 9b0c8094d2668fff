/* Tells the pages that Streamlit draws who sits here. It shows nothing. */

class Nametag {
  constructor() {
    rememberCookie(NAME_COOKIE, reviewerName());
    this.end = onRenamed(() => this.tell());
  }

  close() {
    this.end();
  }

  receive(data, _say, keep) {
    this.keep = keep;
    this.known ??= data.reviewer;
    this.tell();
  }

  tell() {
    const name = reviewerName();
    if (this.known === name) return;
    this.known = name;
    this.keep("reviewer", name);
  }
}

export default mounting(Nametag);
