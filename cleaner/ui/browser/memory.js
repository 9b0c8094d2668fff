/* What this browser remembers. One that keeps nothing forgets, and everything goes on. */

/* Returns what was remembered in "localStorage" or in a tab's "sessionStorage". */
function recall(storage, key, otherwise) {
  try {
    const kept = window[storage].getItem(key);
    return kept === null ? otherwise : JSON.parse(kept);
  } catch {
    return otherwise;
  }
}

function remember(storage, key, value) {
  try {
    window[storage].setItem(key, JSON.stringify(value));
  } catch {
    // Full, or forbidden.
  }
}
