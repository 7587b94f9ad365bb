// Suggestions under a search field: a list box that the arrow keys walk through while the focus stays in the field.
import { element } from "./elements";
import { asked, at, type Problem } from "./http";
import { dress, made } from "./morph";
import { printable } from "./values";

interface Hit {
  id: string;
  type: string;
  name?: string;
  uri?: string;
  gone?: boolean;
}

/** How many are listed. */
const LISTED = 8;
/** After how many milliseconds without a key they are asked for. */
const REST = 150;

let fields = 0;

export class Suggestions {
  private readonly list: HTMLUListElement;
  private readonly id = `suggested-${++fields}`;
  private hits: Hit[] = [];
  private active = -1;
  private timer = 0;
  private asking = new AbortController();

  constructor(private readonly field: HTMLInputElement) {
    this.list = made(element("ul", { id: this.id, role: "listbox", class: "suggested", "aria-label": "Suggestions", hidden: true }));
    const attributes = { role: "combobox", "aria-autocomplete": "list", "aria-controls": this.id, "aria-expanded": "false" };
    for (const [name, value] of Object.entries(attributes)) dress(field).setAttribute(name, value);
    field.after(this.list);
    field.addEventListener("input", () => this.typed());
    field.addEventListener("keydown", (event) => this.key(event));
    field.addEventListener("blur", () => this.close());
    // The focus stays in the field, or the list would be gone before it was clicked on.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target instanceof Element ? event.target.closest("[role=option]") : null;
      if (option) this.open([...this.list.children].indexOf(option));
    });
  }

  private typed(): void {
    clearTimeout(this.timer);
    this.asking.abort();
    if (!this.field.value.trim()) this.close();
    else this.timer = window.setTimeout(() => void this.ask(this.field.value.trim()), REST);
  }

  private async ask(text: string): Promise<void> {
    const { signal } = (this.asking = new AbortController());
    const address = `${this.field.dataset.suggest}${encodeURIComponent(text)}&limit=${LISTED}`;
    try {
      const answer = await asked(address, "application/json", signal);
      const { items, truncated } = (await answer.json()) as { items: Hit[]; truncated: boolean };
      if (signal.aborted) return;
      this.hits = items;
      this.draw(items.length ? (truncated ? "There are more: press Enter for all." : "") : "Nothing begins like this.");
    } catch (error) {
      if (signal.aborted) return;
      this.hits = [];
      this.draw((error as Problem).message);
    }
  }

  private draw(note: string): void {
    const options = this.hits.map((hit, place) => {
      const name = printable(hit.name || lastPart(hit.uri ?? "") || hit.id);
      const beside = `${hit.type} · ${hit.id}${hit.gone ? " · deleted" : ""}`;
      const said = [element("b", {}, element("bdi", {}, name)), " ", element("small", {}, beside)];
      return element("li", { id: `${this.id}-${place}`, role: "option", "aria-selected": "false" }, ...said);
    });
    // What is no option is not of the list, but it is read with it.
    const more = note ? [element("li", { class: "note", role: "presentation" }, note)] : [];
    this.list.replaceChildren(...options, ...more);
    this.list.hidden = false;
    this.field.setAttribute("aria-expanded", String(options.length > 0));
    this.choose(-1);
  }

  private close(): void {
    clearTimeout(this.timer);
    this.asking.abort();
    this.list.hidden = true;
    this.hits = [];
    this.field.setAttribute("aria-expanded", "false");
    this.choose(-1);
  }

  private choose(place: number): void {
    this.active = place;
    this.hits.forEach((_, each) => this.list.children[each]?.setAttribute("aria-selected", String(each === place)));
    if (place < 0) {
      this.field.removeAttribute("aria-activedescendant");
      return;
    }
    this.field.setAttribute("aria-activedescendant", `${this.id}-${place}`);
    this.list.children[place].scrollIntoView({ block: "nearest" });
  }

  private key(event: KeyboardEvent): void {
    const count = this.hits.length;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && count) {
      event.preventDefault();
      // One place of these is that of the field itself, where nothing is chosen.
      this.choose(((this.active + 1 + by + count + 1) % (count + 1)) - 1);
    } else if (event.key === "Enter" && this.active >= 0) {
      event.preventDefault();
      this.open(this.active);
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      this.close();
    }
  }

  private open(place: number): void {
    const hit = this.hits[place];
    if (hit) location.assign(at(`/lineage?focus=${encodeURIComponent(hit.id)}`, document.body.dataset.asOf ?? ""));
  }
}

function lastPart(uri: string): string {
  return uri.replace(/\/+$/, "").split("/").pop() ?? "";
}
