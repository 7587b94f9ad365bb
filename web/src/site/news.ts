// News: a page of the present says how many transactions came since, and moves only when it is asked to.
import { element } from "./elements";
import { made } from "./morph";

/** After how many milliseconds a stream that the server ended is asked for again; each time after twice as many. */
const SOON = 1_000;
const LATE = 60_000;

export class News {
  private stream: EventSource | null = null;
  private timer = 0;
  private wait = SOON;
  private last = 0;
  private isOfNow = false;

  constructor(
    private readonly place: HTMLElement,
    /** Shows the present where that needs no loading. */
    private readonly show: (() => void) | null,
  ) {
    // A browser has few connections to one server, and pages that nobody sees would take them all.
    document.addEventListener("visibilitychange", () => this.turn());
  }

  /** The transaction that the page is as of. */
  private get number(): number {
    return Number(document.body.dataset.number);
  }

  /** Listen, if this is a page of the present; call this again when it has become another. */
  begin(): void {
    this.stop();
    this.place.hidden = true;
    this.place.replaceChildren();
    this.isOfNow = !document.body.dataset.asOf && Number.isInteger(this.number);
    this.last = this.number;
    this.turn();
  }

  /** Listen while the page is seen. */
  private turn(): void {
    this.stop();
    if (this.isOfNow && !document.hidden) this.listen();
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = null;
  }

  private listen(): void {
    const stream = (this.stream = new EventSource(`/api/v1/changes?after=${this.last}`));
    stream.addEventListener("open", () => {
      this.wait = SOON;
    });
    stream.addEventListener("transaction", (event) => this.heard(Number(event.lastEventId)));
    stream.addEventListener("error", () => {
      // A connection that broke is the browser's to make again, with the last event that it saw; a refusal is ours.
      if (stream.readyState !== EventSource.CLOSED || stream !== this.stream) return;
      this.timer = window.setTimeout(() => this.listen(), this.wait);
      this.wait = Math.min(this.wait * 2, LATE);
    });
  }

  private heard(number: number): void {
    // What was told before a break may be told again.
    if (!(number > this.last)) return;
    this.last = number;
    const count = (number - this.number).toLocaleString("en");
    const address = new URL(location.href);
    for (const name of ["open", "cursor", "before"]) address.searchParams.delete(name);
    const link = made(element("a", { href: address.href }, `${count} new ▸`));
    link.addEventListener("click", (event) => {
      if (!this.show || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.show();
    });
    this.place.replaceChildren(link);
    this.place.hidden = false;
  }
}
