/* The name that this browser goes by: it goes with each decision into the log. */

const NAME_KEY = "cleaner:reviewer";
const NAME_COOKIE = "cleaner_reviewer"; // for a page that is only just opened
const NAMED = "cleaner:named"; // an event of the window: another name from now on

/* Returns the name, or "" where none was given. */
function reviewerName() {
  try {
    return localStorage.getItem(NAME_KEY) ?? "";
  } catch {
    return "";
  }
}

function isNameGiven() {
  try {
    return localStorage.getItem(NAME_KEY) !== null;
  } catch {
    return true;
  }
}

/* Keeps a name, and tells every part of the page if it is another one; returns whether it is. */
function keepName(typed) {
  const before = reviewerName();
  try {
    localStorage.setItem(NAME_KEY, typed.trim().replace(/\s+/g, " "));
  } catch {
    // A browser that keeps nothing asks again next time.
  }
  if (reviewerName() === before) return false;
  rememberCookie(NAME_COOKIE, reviewerName());
  window.dispatchEvent(new Event(NAMED));
  return true;
}

/* Calls back when the name changes, in this tab or another; returns what ends that. */
function onRenamed(call) {
  const elsewhere = (event) => event.key === NAME_KEY && call();
  window.addEventListener("storage", elsewhere);
  window.addEventListener(NAMED, call);
  return () => {
    window.removeEventListener("storage", elsewhere);
    window.removeEventListener(NAMED, call);
  };
}
