/* What this browser remembers. One that keeps nothing forgets, and everything goes on. */

const BLIND_KEY = "cleaner:blind"; // whether one reviews blind

/* Returns what was remembered in "localStorage" or in a tab's "sessionStorage". */
function recall(storage, key, otherwise) {
  try {
    const kept = window[storage].getItem(key);
    return kept === null ? otherwise : JSON.parse(kept);
  } catch {
    return otherwise;
  }
}

/* Remembers something that the server is to know from the first word on; "" forgets it. */
function rememberCookie(name, value) {
  const seconds = value ? 365 * 24 * 3600 : 0;
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${seconds}; samesite=strict`;
}

function remember(storage, key, value) {
  try {
    window[storage].setItem(key, JSON.stringify(value));
  } catch {
    // Full, or forbidden.
  }
}
