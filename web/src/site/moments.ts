// The slider of moments: when something happened, the date while it slides, a step on and back, and all steps by themselves.
import { button, drawn, element, isWriting } from "./elements";
import { asked } from "./http";
import { here, type Entry, type Journey } from "./journey";
import { dress, made } from "./morph";

/** When transactions were: each stretch of time until when, how many it had, and which was the last. */
interface Histogram {
  first: string | null;
  bins: { until: string; count: number; number: number }[];
}

/** How many steps it takes to see everything, at most. */
const STEPS = 60;
/** How long each is seen, in milliseconds. */
const SEEN = 900;
const [WIDTH, HEIGHT] = [1000, 16];
/** How wide browsers draw what is slid, in pixels. */
const THUMB = 16;

export class Moments {
  private readonly date: HTMLOutputElement;
  private readonly player: HTMLButtonElement;
  private histogram: Histogram | null = null;
  private isPlaying = false;
  private timer = 0;

  constructor(
    private readonly slider: HTMLInputElement,
    private readonly journey: Journey | null,
    ticks: string,
  ) {
    dress(slider);
    this.date = made(element("output", { for: slider.id, class: "date" }));
    this.player = made(button("▶ Play", () => this.play(), { class: "play" }));
    slider.after(this.date);
    // To load a page for every step would be no picture that moves.
    if (journey) this.date.after(this.player);
    slider.addEventListener("input", () => {
      this.pause();
      journey?.stay();
      this.tell();
    });
    slider.addEventListener("change", () => void this.go("push"));
    slider.form?.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.go("push");
    });
    document.addEventListener("keydown", (event) => this.key(event));
    void this.load(ticks);
  }

  private get most(): number {
    return Number(this.slider.max);
  }

  private async load(ticks: string): Promise<void> {
    if (!ticks) return;
    try {
      this.histogram = (await (await asked(ticks)).json()) as Histogram;
    } catch {
      // The slider works without dates; what is wrong with the server is said where something was asked for.
      return;
    }
    const most = Math.max(...this.histogram.bins.map((each) => each.count), 1);
    const picture = drawn("svg", { class: "ticks", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" });
    picture.setAttribute("aria-hidden", "true");
    for (const { count, number } of this.histogram.bins) {
      if (!count) continue;
      const height = 3 + (HEIGHT - 3) * (Math.log1p(count) / Math.log1p(most));
      const x = this.most > 1 ? ((number - 1) / (this.most - 1)) * WIDTH : 0;
      picture.append(drawn("rect", { x: Math.min(x, WIDTH - 2), y: HEIGHT - height, width: 2, height }));
    }
    this.slider.before(made(picture));
    new ResizeObserver(() => this.place(picture)).observe(this.slider);
    this.tell();
  }

  /** Put the ticks above the slider, from its first place of the thumb to its last. */
  private place(picture: SVGElement): void {
    const { offsetLeft, offsetTop, offsetWidth } = this.slider;
    picture.style.left = `${offsetLeft + THUMB / 2}px`;
    picture.style.top = `${offsetTop - HEIGHT / 2}px`;
    picture.style.width = `${Math.max(offsetWidth - THUMB, 0)}px`;
  }

  /** Say which transaction the slider is at, and when about that was. */
  private tell(): void {
    const number = Number(this.slider.value);
    const bins = this.histogram?.bins ?? [];
    const place = bins.findIndex((each) => each.count > 0 && each.number >= number);
    const time = bins[place]?.until ?? "";
    const day = time.slice(0, 10);
    // A stretch of less than a day has an hour, too.
    const isShort = place > 0 && bins[place - 1].until.slice(0, 10) === day;
    const when = isShort ? time.slice(0, 16).replace("T", " ") : day;
    this.date.value = when ? `${number.toLocaleString("en")} · ${when}` : number.toLocaleString("en");
    this.slider.setAttribute("aria-valuetext", `transaction ${number.toLocaleString("en")}${when && `, ${when}`}`);
  }

  /** Return the address of the moment that the slider is at; at its end that is the present. */
  private get address(): URL {
    return here(Number(this.slider.value) >= this.most ? "" : this.slider.value);
  }

  private async go(entry: Entry): Promise<void> {
    this.tell();
    if (this.journey) await this.journey.go(this.address, entry);
    else location.assign(this.address);
  }

  /** Call this where the page has become that of another moment. */
  arrived(): void {
    this.tell();
  }

  private step(by: number): boolean {
    const next = Math.min(Math.max(Number(this.slider.value) + by, Number(this.slider.min)), this.most);
    const isElsewhere = next !== Number(this.slider.value);
    this.slider.value = String(next);
    return isElsewhere;
  }

  private key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    const by = { "[": -1, "]": 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    this.pause();
    if (this.step(by)) void this.go("push");
  }

  private play(): void {
    if (this.isPlaying) {
      this.pause();
      return;
    }
    this.isPlaying = true;
    if (Number(this.slider.value) >= this.most) this.slider.value = this.slider.min;
    else this.step(this.stride);
    this.player.textContent = "❚❚ Pause";
    void this.run("push");
  }

  private get stride(): number {
    return Math.max(1, Math.ceil((this.most - Number(this.slider.min)) / STEPS));
  }

  private pause(): void {
    clearTimeout(this.timer);
    this.isPlaying = false;
    this.player.textContent = "▶ Play";
  }

  /** Show the moment of the slider, and the next ones until the present. */
  private async run(entry: Entry): Promise<void> {
    await this.go(entry);
    if (!this.isPlaying) return;
    if (Number(this.slider.value) >= this.most) {
      this.pause();
      return;
    }
    this.timer = window.setTimeout(() => {
      this.step(this.stride);
      void this.run("replace");
    }, SEEN);
  }
}
