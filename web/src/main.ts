// The script of every page: `mount` shows lineage in an element.
import { h, render } from "preact";

export function mount(element: Element): void {
  render(h("p", {}, "This page's script is not written yet."), element);
}
