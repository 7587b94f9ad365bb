// The script of every page: `mount` shows lineage in an element; a page that holds its own mounts itself.
import { h, render } from "preact";
import { App } from "./app";
import { Bar } from "./bar";
import { Help, Outline, Status } from "./below";
import { Details } from "./details";
import { listen } from "./keys";
import { Embedded, type Source } from "./source";

export type { Source } from "./source";

/** Show what a source holds in an element, instead of what is there. */
export async function mount(element: HTMLElement, source: Source): Promise<void> {
  const page = await source.page();
  const places = parts(element);
  if (!page.units.length) {
    places.stage.append(note("This answer is empty: there are no nodes to show."));
    render(h("div", { class: "status" }, page.title), places.below);
    element.dataset.ready = "true";
    return;
  }
  const app = new App(page, source, places.stage);
  app.onChange = () => {
    render(h(Bar, { app }), places.above);
    render(h(Details, { app }), places.beside);
    render([h(Outline, { app }), h(Status, { app }), h(Help, { app })], places.below);
  };
  app.start();
  listen(app, element);
  element.dataset.ready = "true";
}

function parts(element: HTMLElement): Record<"above" | "stage" | "beside" | "below", HTMLElement> {
  const make = (tag: string, name: string): HTMLElement => {
    const made = document.createElement(tag);
    made.className = name;
    return made;
  };
  const [above, stage] = [make("header", "above"), make("main", "stage")];
  const [beside, below] = [make("aside", "beside"), make("footer", "below")];
  beside.setAttribute("aria-label", "Details");
  element.replaceChildren(above, stage, beside, below);
  element.classList.add("lineage");
  return { above, stage, beside, below };
}

function note(text: string): HTMLElement {
  const made = document.createElement("p");
  made.className = "empty";
  made.textContent = text;
  return made;
}

/** A page that holds its lineage has these two elements. */
const held = document.getElementById("lineage-data");
const place = document.getElementById("lineage");
if (held && place) {
  mount(place, new Embedded(held.textContent ?? "")).catch((error: unknown) => {
    place.append(note(`This page cannot be shown: ${String(error)}`));
  });
}
