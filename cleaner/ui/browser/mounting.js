/* How Streamlit puts a component on the page, and takes it off again. */

/*
 * Returns what Streamlit calls when it mounts a component, and whenever what the page says has
 * changed. A `Part` is made of the element it goes into; it has receive(data, say, keep) and
 * close(): what it says is told once, what it keeps is told with everything after it.
 */
function mounting(Part) {
  const parts = new WeakMap();
  return ({ parentElement, data, setTriggerValue, setStateValue }) => {
    let part = parts.get(parentElement);
    if (!part) {
      part = new Part(parentElement);
      parts.set(parentElement, part);
    }
    part.receive(data, setTriggerValue, setStateValue);
    return () => {
      part.close();
      parts.delete(parentElement);
    };
  };
}
