// Builds elements. A text that is given becomes text, never markup: nothing in this page reads data as HTML.

export const find = (id) => document.getElementById(id);

// el("button.primary", {onclick: save}, "Save"); null and false leave an attribute or a child out.
export function el(tag, attributes, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  if (name === "button") element.type = name;
  if (["button", "input", "textarea", "pre"].includes(name)) element.dir = "auto"; // of whatever script
  return fill(element, attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child != null && child !== false));
  return element;
}

// Each call gives the signal of a new turn, and ends the one before.
export function turns() {
  let current;
  return () => {
    current?.abort();
    current = new AbortController();
    return current.signal;
  };
}

const controls = (item) => [...item.querySelectorAll("button, summary")];

// Fill `place` anew. The focus stays where it was in the item with the same data-id, else in the one that took its place.
export function refill(place, nodes) {
  const { activeElement } = document;
  const held = place.contains(activeElement) && activeElement.closest("[data-id]");
  const items = () => [...place.querySelectorAll("[data-id]")];
  const index = held && items().indexOf(held);
  const control = held && controls(held).indexOf(activeElement);
  place.replaceChildren(...nodes);
  if (!held) return;
  const item = items().find(({ dataset }) => dataset.id === held.dataset.id) ?? items()[index] ?? items().at(-1);
  const to = item ? (controls(item)[control] ?? controls(item)[0]) : place.closest("[role=tabpanel]").querySelector("input, button");
  to.focus();
}

// `act` once nothing has called for `wait_ms`.
export function debounced(act, wait_ms) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(act, wait_ms, ...args);
  };
}
