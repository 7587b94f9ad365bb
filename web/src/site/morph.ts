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
  takeValue(old, next);
  let rest = [...old.childNodes].filter((node) => !(node instanceof Element && ours.has(node)));
  for (const node of next.childNodes) {
    const place = placeOf(rest, node);
    if (place < 0) {
      old.insertBefore(document.importNode(node, true), rest[0] ?? null);
      continue;
    }
    for (const gone of rest.slice(0, place)) gone.remove();
    const same = rest[place];
    if (same instanceof Element) morph(same, node as Element);
    else if (same.nodeValue !== node.nodeValue) same.nodeValue = node.nodeValue;
    rest = rest.slice(place + 1);
  }
  for (const gone of rest) gone.remove();
}

/** What stands in a field is no longer its attribute once somebody has used it; what is being written stays. */
function takeValue(old: Element, next: Element): void {
  if (!(old instanceof HTMLInputElement) || old.type === "checkbox") return;
  if (old === document.activeElement && old.type !== "range") return;
  old.value = next.getAttribute("value") ?? "";
}

/** Return which of the nodes that are left is to be made like another; -1 for none. No named one is passed over for it. */
function placeOf(rest: ChildNode[], next: ChildNode): number {
  const key = keyOf(next);
  for (const [place, node] of rest.entries()) {
    if (node.nodeName === next.nodeName && keyOf(node) === key) return place;
    if (!key && keyOf(node)) return -1;
  }
  return -1;
}

function keyOf(node: Node): string {
  if (!(node instanceof Element)) return "";
  return node.id || (node.querySelector("#lineage") ? "around lineage" : "");
}
