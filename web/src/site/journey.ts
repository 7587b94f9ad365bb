// The lineage of a page, mounted in the place of the server's picture, and its way from one moment to another.
import { mount, type Mounted } from "../main";
import { button, element } from "./elements";
import { asked, at, Http, readable, type Problem } from "./http";
import { made, morph } from "./morph";

/** What the address says of one moment alone. */
const OF_A_MOMENT = ["open", "cursor", "before"];

/** How the address goes along: as a new entry of the browser's history, in place of this one, or it is there already. */
export type Entry = "push" | "replace" | "there";

/** Return the address of this document as of a moment; of the present without one. */
export function here(moment: string): URL {
  const url = at(location.href, moment);
  for (const name of OF_A_MOMENT) url.searchParams.delete(name);
  url.hash = "";
  return readable(url);
}

export class Journey {
  private mounted: Mounted | null = null;
  private source: Http;
  private going = new AbortController();
  private search = location.search;
  private readonly trouble = made(element("div", { class: "trouble", role: "alert", hidden: true }));
  /** Called where the document has become that of another moment. */
  onArrival: () => void = () => {};

  constructor(private readonly place: HTMLElement) {
    this.source = new Http(place.dataset.page ?? "");
    place.before(this.trouble);
    addEventListener("popstate", () => {
      if (location.search === this.search) return;
      void this.go(new URL(location.href), "there");
    });
  }

  /** The state of the picture, as the fragment of a link; null before there is one. */
  get state(): string | null {
    return this.mounted?.state ?? null;
  }

  /** Mount the lineage; until it has come, and where it does not come, the server's own picture is there. */
  async begin(): Promise<void> {
    this.place.setAttribute("aria-busy", "true");
    try {
      this.mounted = await mount(this.place, this.source, { address: true });
      this.solved();
    } catch (error) {
      this.tell(error as Problem, () => void this.begin());
    }
    this.place.removeAttribute("aria-busy");
  }

  /** Stay where it is, if it is on its way. */
  stay(): void {
    this.going.abort();
    this.place.removeAttribute("aria-busy");
  }

  /** Show this document at another moment, without loading it anew; return whether it was to be had. */
  async go(address: URL, entry: Entry): Promise<boolean> {
    this.going.abort();
    const { signal } = (this.going = new AbortController());
    this.place.setAttribute("aria-busy", "true");
    try {
      const [answer, page] = await this.ask(address, signal);
      if (signal.aborted) return false;
      const next = new DOMParser().parseFromString(answer, "text/html");
      if (!next.getElementById("lineage")) {
        location.assign(address);
        return false;
      }
      if (entry !== "there") history[`${entry}State`](null, "", address);
      this.search = location.search;
      document.title = next.title;
      morph(document.body, next.body);
      if (this.mounted) this.mounted.show(page, entry === "there" ? location.hash.slice(1) : undefined);
      else await this.begin();
      this.solved();
      this.onArrival();
      return true;
    } catch (error) {
      if (!signal.aborted) this.tell(error as Problem, () => void this.go(address, entry));
      return false;
    } finally {
      if (!signal.aborted) this.place.removeAttribute("aria-busy");
    }
  }

  private async ask(address: URL, signal: AbortSignal): Promise<[string, Awaited<ReturnType<Http["page"]>>]> {
    const columns = at(this.source.address, address.searchParams.get("as_of") ?? "");
    columns.searchParams.delete("open");
    for (const id of address.searchParams.getAll("open")) columns.searchParams.append("open", id);
    readable(columns);
    const document = asked(address, "text/html", signal).then((answer) => answer.text());
    // What is wrong with the question is said in the words of the columns' answer.
    document.catch(() => {});
    const page = await new Http(columns.href).page();
    const text = await document;
    if (!signal.aborted) this.source.address = columns.href;
    return [text, page];
  }

  private tell(problem: Problem, again: () => void): void {
    this.trouble.replaceChildren(
      element("span", {}, problem.message),
      " ",
      button("Try again", () => {
        this.solved();
        again();
      }),
    );
    this.trouble.hidden = false;
    this.place.classList.add("is-stale");
  }

  private solved(): void {
    this.trouble.hidden = true;
    this.trouble.replaceChildren();
    this.place.classList.remove("is-stale");
  }
}
