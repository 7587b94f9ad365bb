// Makes a document that is shown like one that came: what is the same stays, and with it the keyboard's focus.

const ours = new WeakSet<Element>();
const dressed = new WeakSet<Element>();

/** Keep an element that a script made: the server's documents have none like it. */
export function made<E extends Element>(element: E): E {
  ours.add(element);
  return element;
}

/** Keep the attributes that a script gave to an element of the server's. */
export function dress<E extends Element>(element: E): E {
  dressed.add(element);
  return element;
}

export function morph(old: Element, next: Element): void {
  // What is mounted draws itself.
  if (old.id === "lineage") return;
  if (!dressed.has(old)) {
    for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  // What stands in a field is no longer its attribute once somebody has used it.
  if (old instanceof HTMLInputElement && old.type !== "checkbox") old.value = next.getAttribute("value") ?? "";
  const nodes = [...old.childNodes].filter((node) => !(node instanceof Element && ours.has(node)));
  [...next.childNodes].forEach((node, place) => put(old, nodes[place], node));
  for (const node of nodes.slice(next.childNodes.length)) node.remove();
}

function put(parent: Element, old: ChildNode | undefined, next: ChildNode): void {
  if (old instanceof Element && next instanceof Element && old.tagName === next.tagName && old.id === next.id) {
    morph(old, next);
  } else if (old?.nodeType === Node.TEXT_NODE && next.nodeType === Node.TEXT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
  } else {
    const copy = document.importNode(next, true);
    if (old) old.replaceWith(copy);
    else parent.append(copy);
  }
}
