// The script of every page: `mount` shows lineage in an element; a page that holds its own mounts itself.
import { h, render } from "preact";
import { App, type Options } from "./app";
import { Bar } from "./bar";
import { Help, Outline, Status } from "./below";
import { Details } from "./details";
import { listen } from "./keys";
import { Embedded, type Page, type Source } from "./source";
import { read, written } from "./state";

export type { Options } from "./app";
export type { Page, Source } from "./source";

/** Lineage that is shown in an element. */
export interface Mounted {
  /** The state of the picture, as the fragment of a link. */
  readonly state: string;
  /** Show another page, such as of another moment: in the state of a link, or else in this one as far as it has it. */
  show(page: Page, link?: string): void;
  /** Take everything out of the element, and listen to nothing any more. */
  unmount(): void;
}

/** Show what a source holds in an element, instead of what is there. */
export async function mount(element: HTMLElement, source: Source, options: Options = {}): Promise<Mounted> {
  const page = await linked(source, options);
  const places = parts(element, options.alone);
  const app = new App(page, source, places.stage, options);
  app.onChange = () => {
    render(h(Bar, { app }), places.above);
    render(h(Details, { app }), places.beside);
    render([h(Outline, { app }), h(Status, { app }), h(Help, { app })], places.below);
  };
  app.start();
  listen(app, element, options.alone);
  element.dataset.ready = "true";
  return {
    get state() {
      return written(app.state);
    },
    show: (page, link) => app.show(page, link),
    unmount: () => {
      app.stop();
      for (const place of [places.above, places.beside, places.below]) render(null, place);
      element.replaceChildren();
      element.classList.remove("lineage");
      delete element.dataset.ready;
    },
  };
}

/** Return a source's page, with the groups open that the address says, where the source must be asked for these. */
async function linked(source: Source, { address }: Options): Promise<Page> {
  const page = await source.page();
  const open = [...read(address ? location.hash : "").open.keys()];
  // A link that makes no sense is passed over.
  return page.whole || !source.opens || !open.length ? page : source.page(open).catch(() => page);
}

function parts(
  element: HTMLElement,
  isAlone = false,
): Record<"above" | "stage" | "beside" | "below", HTMLElement> {
  const make = (tag: string, name: string): HTMLElement => {
    const made = document.createElement(isAlone ? tag : "section");
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

/** A page that holds its lineage has these two elements. */
const held = document.getElementById("lineage-data");
const place = document.getElementById("lineage");
if (held && place) {
  mount(place, new Embedded(held.textContent ?? ""), { address: true, alone: true }).catch((error: unknown) => {
    place.append(`This page cannot be shown: ${String(error)}`);
  });
}
