/* Elements of a page, ids, words for numbers, and questions to the server. */

function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function button(className, ...children) {
  const node = el("button", className, ...children);
  node.type = "button";
  // A click must not take the focus: Space would press the button again.
  node.addEventListener("mousedown", (event) => event.preventDefault());
  return node;
}

function keycap(text) {
  return el("kbd", "", text);
}

function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // randomUUID exists on secure origins only; a plain address on the local network is none.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Made once: to make one takes longer than to draw with it.
const WITH_COMMAS = new Intl.NumberFormat("en");

function counted(number) {
  return WITH_COMMAS.format(number);
}

function percent(probability) {
  if (probability > 0.99 && probability < 1) return "> 99%";
  if (probability > 0 && probability < 0.01) return "< 1%";
  return `${Math.round(100 * probability)}%`;
}

/* Returns a class name as a query has it; bytes that are not UTF-8 come as lone surrogates. */
function inQuery(className) {
  return [...className]
    .map((sign) => {
      const byte = sign.codePointAt(0) - 0xdc00;
      return byte >= 0x80 && byte <= 0xff ? `%${byte.toString(16)}` : encodeURIComponent(sign);
    })
    .join("");
}

/* Returns what somebody decided and when, in the time of whoever reads it. */
function toldWithTime({ deed, decided_at: decidedAt }) {
  const when = new Date(decidedAt);
  const isToday = when.toDateString() === new Date().toDateString();
  const date = isToday ? {} : { year: "numeric", month: "short", day: "numeric" };
  const time = when.toLocaleString("en-GB", { hour: "2-digit", minute: "2-digit", ...date });
  return `${deed}, ${time}`;
}

async function getJson(url) {
  const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(20000) });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error || `The server answered ${answer.status}.`);
  return body;
}
