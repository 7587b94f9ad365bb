// Elements that scripts add to the server's pages.

const SVG = "http://www.w3.org/2000/svg";

export type Attributes = Record<string, string | number | boolean>;

function dressed<E extends Element>(element: E, attributes: Attributes, children: (Node | string)[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

export function element<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[T] {
  return dressed(document.createElement(tag), attributes, children);
}

export function drawn<T extends keyof SVGElementTagNameMap>(
  tag: T,
  attributes: Attributes = {},
  ...children: Node[]
): SVGElementTagNameMap[T] {
  return dressed(document.createElementNS(SVG, tag), attributes, children);
}

export function button(text: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", onClick);
  return made;
}

/** Whether keys are text where the focus is. */
export function isWriting(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches("input:not([type=checkbox],[type=range]),textarea,select");
}
