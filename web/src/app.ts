// A page at work: takes what a reader does, makes the next state of it, and draws that.
import { Camera } from "./camera";
import { CanvasPicture } from "./canvas";
import { Graph } from "./graph";
import { layout, type Pair } from "./layout";
import { lightOf, lit, type Lit } from "./light";
import { labelOf, more } from "./look";
import type { Hands, Picture, Placed } from "./picture";
import { PAGE, scene, type Mark, type Scene } from "./scene";
import type { Page, Source } from "./source";
import { carried, FIRST, History, read, written, type State, type Way } from "./state";
import { SvgPicture } from "./svg";

/** More marks than these are drawn on a canvas. */
const MOST_SVG = 500;

export interface Options {
  /** Whether the fragment of the address holds the state, and follows it. */
  address?: boolean;
  /** Whether the document is for this alone: keys work wherever the focus is, and the parts are its landmarks. */
  alone?: boolean;
}

/** What went wrong, in words, and what tries it again. */
interface Failure {
  words: string;
  again: () => void;
}

let made = 0;

export class App implements Hands {
  /** What names of elements begin with, in a document that may hold several. */
  readonly id = `lineage-${++made}`;
  page!: Page;
  graph!: Graph;
  first!: State;
  history: History;
  failure: Failure | null = null;
  private firstScene!: Scene;
  /** What pages that are shown one after another take their state from: the last one that a reader acted on. */
  private last: { graph: Graph; first: State; history: History } | null = null;
  scene: Scene;
  placed: Placed;
  found: Lit | null = null;
  cursor: string;
  query = "";
  hits: number[] = [];
  /** Where a path begins whose end is still to be chosen. */
  pending = "";
  isHelpOpen = false;
  isOutlineOpen = false;
  /** What was said last, for those who hear the page. */
  message = "";
  picture: Picture;
  private known = new Map<number, [string, string][] | null>();
  private asked = 0;
  private readonly stopping = new AbortController();
  private readonly camera: Camera;
  /** Called after each change, to draw the panels. */
  onChange: () => void = () => {};

  constructor(
    page: Page,
    readonly source: Source,
    readonly stage: HTMLElement,
    private readonly options: Options,
  ) {
    this.take(page);
    this.history = new History(this.linked());
    this.scene = scene(this.graph, this.state);
    this.placed = this.place();
    this.cursor = this.state.selected || (this.scene.marks[0]?.id ?? "");
    this.picture = this.pictureFor(this.scene.marks.length);
    this.camera = new Camera(stage, (view) => this.picture.move(view), options.alone);
    stage.append(this.picture.element);
    const { signal } = this;
    if (options.address) addEventListener("hashchange", (event) => this.follow(event), { signal });
    signal.addEventListener("abort", () => this.camera.stop());
    matchMedia("print").addEventListener("change", (event) => this.print(event.matches), { signal });
  }

  /** What ends all listening. */
  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  stop(): void {
    this.stopping.abort();
    this.onChange = () => {};
  }

  private take(page: Page): void {
    this.page = page;
    this.graph = new Graph(page);
    const focus = page.units.find((unit) => unit.focus)?.id ?? "";
    this.first = { ...FIRST, open: new Map(page.opened), pins: new Set(page.pinned), selected: focus };
    this.firstScene = scene(this.graph, this.first);
    this.known = new Map();
    this.asked++;
  }

  private linked(): State {
    if (!this.options.address || location.hash.length < 2) return this.first;
    return { ...read(location.hash), ...(this.page.whole ? {} : { open: this.first.open }) };
  }

  /** Put another page in place: in the state of a link, or with what is open, chosen and left out as far as it is there. */
  show(page: Page, link?: string): void {
    const last = (this.last ??= { graph: this.graph, first: this.first, history: this.history });
    this.take(page);
    const isFirst = (state: State): boolean => written(state) === written(last.first);
    const next = (state: State): State => (isFirst(state) ? this.first : carried(state, last.graph, this.graph));
    this.history = last.history.map(next);
    if (link !== undefined) this.history.now = link ? read(link) : this.first;
    this.hits = this.graph.search(this.query);
    this.refresh(this.cursor);
    if (!this.scene.marks.some((_, place) => this.camera.sees(this.at(place)))) this.settle();
  }

  /** Draw the first picture, beside the panels, which take their room of the window. */
  start(): void {
    this.redraw();
    this.settle();
  }

  get state(): State {
    return this.history.now;
  }

  /** The chosen mark; undefined where none is, or it is in no mark that is shown. */
  get selected(): Mark | undefined {
    return this.mark(this.state.selected);
  }

  mark(id: string): Mark | undefined {
    const place = this.scene.places.get(id);
    return place === undefined ? undefined : this.scene.marks[place];
  }

  // What a reader does.

  choose(id: string): void {
    if (this.pending && id && id !== this.pending) {
      const from = this.pending;
      this.pending = "";
      this.go({ ...this.state, way: "path", from, to: id, selected: id }, id);
      return;
    }
    this.cursor = id || this.cursor;
    this.go({ ...this.state, selected: id }, id);
  }

  toggle(id: string): void {
    const mark = this.mark(id);
    if (!mark) return;
    if (mark.count > 1) this.open(mark, PAGE);
    else if (mark.group) this.close(mark);
  }

  /** Show more members of a mark's group: of one that is closed, or of the one that is open and holds it. */
  open(mark: Mark, count: number): void {
    const from = this.closedOf(mark);
    if (!from) return;
    if (!this.opens) {
      this.say("Too many nodes to open groups: export fewer.");
      return;
    }
    const { left, id, open } = { left: from.size, id: this.opened(from), open: new Map(this.state.open) };
    open.set(id, (open.get(id) ?? 0) + Math.min(count, left));
    const [x, y] = this.position(this.scene.places.get(mark.id) as number);
    const name = this.graph.units.get(id)?.label ?? from.label;
    this.go({ ...this.state, open, selected: "" }, mark.id, () => {
      const { marks } = this.scene;
      const inside = marks.map((_, place) => place).filter((place) => marks[place].group === id);
      const away = (place: number): number => Math.hypot(this.position(place)[0] - x, this.position(place)[1] - y);
      const chosen = marks[nearest(inside, away) ?? 0].id;
      this.choose(chosen);
      this.bring(chosen);
      if (this.stage.contains(document.activeElement)) this.picture.focus(chosen);
      const rest = more(Math.max(left - count, 0));
      this.say(`Opened ${more(Math.min(count, left))} of ${name}; ${rest} more are in the group.`);
    });
  }

  /** Whether groups can be opened. */
  get opens(): boolean {
    return this.page.whole || this.source.opens;
  }

  /** Return the closed mark that more members come out of: of one that is open, the rest. */
  closedOf(mark: Mark): Mark | undefined {
    if (mark.count > 1) return mark;
    return this.scene.marks.find((each) => each.rest && each.group === mark.group);
  }

  /** Return the group that is open when a closed mark is opened: of a rest that the page makes, what it is the rest of. */
  private opened(mark: Mark): string {
    return mark.rest && this.page.whole ? mark.group : mark.id;
  }

  /** Close the group that a mark is of, and what is open inside it. */
  close(mark: Mark): void {
    const unit = this.graph.units.get(mark.group);
    const nodes = new Set(unit?.nodes);
    const isInside = (id: string): boolean => {
      if (id === mark.group) return true;
      const other = this.graph.units.get(id);
      if (other && unit) return other.count < unit.count && nodes.has(other.nodes[0]);
      return id in this.page.inner && isInside(this.page.inner[id]);
    };
    const open = new Map([...this.state.open].filter(([id]) => !isInside(id)));
    const pins = new Set([...this.state.pins].filter((key) => !nodes.has(this.graph.node(key) ?? -1)));
    this.go({ ...this.state, open, pins, selected: mark.group }, mark.id, () => {
      this.bring(mark.group);
      this.say(`Closed ${unit?.label ?? "the group"}.`);
    });
  }

  /** Open all groups of a type that are closed; of every type without one. */
  openAll(type = ""): void {
    const open = new Map(this.state.open);
    for (const mark of this.closed(type)) open.set(this.opened(mark), (open.get(this.opened(mark)) ?? 0) + mark.size);
    this.go({ ...this.state, open }, this.cursor);
    this.say(`Opened all: ${more(this.scene.marks.length)} marks.`);
  }

  closeAll(): void {
    this.go({ ...this.state, open: new Map(), pins: new Set() }, this.cursor);
    this.say(`Closed all groups: ${more(this.scene.marks.length)} marks.`);
  }

  /** Whether there are groups that can all be opened at once. */
  get hasGroups(): boolean {
    return this.page.whole && this.page.units.some((unit) => unit.count > 1);
  }

  private closed(type = ""): Mark[] {
    return this.scene.marks.filter((mark) => mark.count > 1 && (!type || mark.type === type));
  }

  /** Types of groups that hold nodes which are not marks of their own. */
  closedTypes(): string[] {
    return [...new Set(this.closed().map((mark) => mark.type))];
  }

  /** How many marks there would be with all groups of a type open; of every type without one. */
  cost(type = ""): number {
    return this.closed(type).reduce((sum, mark) => sum + mark.size - 1, this.scene.marks.length);
  }

  /** Show a node as a mark of its own, whatever group it is in, and choose it. */
  reveal(node: number): void {
    const key = this.graph.key(node);
    const place = this.scene.markOf[node];
    const isAlone = place >= 0 && this.scene.marks[place].count === 1;
    const { types, states } = this.state;
    // What is looked for is shown, whatever the filters leave out.
    const lifted = place < 0 ? { types: without(types, this.graph.type(node)), states: without(states, this.page.nodes.state[node]) } : {};
    const pins = isAlone || !this.page.whole ? this.state.pins : new Set([...this.state.pins, key]);
    const id = this.page.whole ? key : this.scene.marks[place].id;
    this.cursor = id;
    this.go({ ...this.state, ...lifted, pins, selected: id }, place >= 0 ? this.scene.marks[place].id : "");
    this.bring(id);
  }

  light(way: Way, id = this.state.selected || this.cursor): void {
    const mark = this.mark(id);
    const real = mark && this.graph.areContexts(mark.nodes) && way !== "path" ? "holds" : way;
    const isOn = this.state.way === real && this.state.from === id;
    const next = isOn ? { way: "" as Way, from: "" } : { way: real, from: id };
    this.go({ ...this.state, ...next, to: "" }, id);
    const found = this.found;
    if (found) this.say(`${more(found.nodes.length)} nodes are lit.`);
  }

  /** Begin a path, whose other end is chosen next. */
  beginPath(): void {
    this.pending = this.pending ? "" : this.state.selected || this.cursor;
    this.say(this.pending ? "Now choose where the path ends." : "No path.");
    this.onChange();
  }

  filter(types: ReadonlySet<string>, states: ReadonlySet<string>): void {
    this.go({ ...this.state, types, states }, this.state.selected || this.cursor);
    this.say(`${more(this.scene.left)} nodes are left out.`);
  }

  search(query: string): void {
    this.query = query;
    this.hits = this.graph.search(query);
    this.redraw();
  }

  undo(): void {
    if (this.history.undo()) this.acted(this.cursor, () => this.say("Undone."));
  }

  redo(): void {
    if (this.history.redo()) this.acted(this.cursor, () => this.say("Done again."));
  }

  /** Take one thing back: help, a path begun, the search, what is lit, what is chosen. */
  escape(): void {
    if (this.isHelpOpen) this.isHelpOpen = false;
    else if (this.pending) this.pending = "";
    else if (this.query) this.search("");
    else if (this.state.way) this.go({ ...this.state, way: "", from: "", to: "" }, this.cursor);
    else if (this.state.selected) this.go({ ...this.state, selected: "" }, this.cursor);
    this.onChange();
  }

  toggleHelp(): void {
    this.isHelpOpen = !this.isHelpOpen;
    this.onChange();
  }

  toggleOutline(): void {
    this.isOutlineOpen = !this.isOutlineOpen;
    this.onChange();
  }

  /** Return a node's properties; null until the source, which is asked for them, has said. */
  detailsOf(node: number): [string, string][] | null {
    const { known } = this;
    if (!known.has(node)) {
      known.set(node, null);
      this.source.details(this.page, node).then(
        ({ properties }) => {
          known.set(node, properties);
          this.onChange();
        },
        (error: unknown) => this.fail(error, () => known.delete(node)),
      );
    }
    return known.get(node) ?? null;
  }

  private fail(error: unknown, again: () => void): void {
    const words = error instanceof Error ? error.message : String(error);
    this.failure = {
      words,
      again: () => {
        this.failure = null;
        again();
        this.onChange();
      },
    };
    this.onChange();
  }

  say(message: string): void {
    this.message = message;
    this.onChange();
  }

  // The keyboard's place.

  reached(id: string): void {
    if (!id || id === this.cursor) return;
    this.cursor = id;
    this.redraw();
    // What was pressed with the mouse must not move from under it.
    if (document.activeElement?.matches(":focus-visible")) this.bring(id);
  }

  /** Move along the edges, to the left or right, or among what stands above one another. */
  step(x: number, y: number): void {
    const at = this.scene.places.get(this.cursor) ?? 0;
    const next = y ? this.sibling(at, y) : this.neighbour(at, x);
    if (next === undefined) return;
    const { id } = this.scene.marks[next];
    this.reached(id);
    this.bring(id);
    this.picture.focus(id);
    if (!(this.picture instanceof SvgPicture)) this.say(labelOf(this.scene.marks[next]));
  }

  private neighbour(at: number, x: number): number | undefined {
    const near = this.scene.lines
      .filter((line) => (x > 0 ? line.source : line.target) === at)
      .map((line) => (x > 0 ? line.target : line.source));
    return nearest(near, (place) => Math.abs(this.placed.y[place] - this.placed.y[at]));
  }

  private sibling(at: number, y: number): number | undefined {
    const away = (place: number): number => (this.placed.y[place] - this.placed.y[at]) * y;
    const column = this.scene.marks.map((_, place) => place).filter((place) => this.placed.x[place] === this.placed.x[at]);
    return nearest(column.filter((place) => away(place) > 0), away);
  }

  // From one state to the next.

  private go(next: State, anchor: string, then?: () => void): void {
    this.history.push(next);
    this.acted(anchor, then);
  }

  /** Draw what a reader made of the state, after asking for a page that has the same groups open, where this one has not. */
  private acted(anchor: string, then = (): void => {}): void {
    this.last = null;
    const open = [...this.state.open.keys()];
    if (this.page.whole || `${open}` === `${[...this.first.open.keys()]}`) {
      this.refresh(anchor);
      then();
      return;
    }
    const { now } = this.history;
    const isOver = ((asked) => () => asked !== this.asked || this.signal.aborted)(++this.asked);
    this.source.page(open).then(
      (page) => {
        if (isOver()) return;
        this.take(page);
        this.history.now = { ...this.state, open: this.first.open };
        this.refresh(anchor);
        then();
      },
      (error: unknown) => {
        if (isOver()) return;
        this.history.now = { ...this.state, open: this.first.open };
        this.refresh(anchor);
        this.fail(error, () => this.go({ ...this.state, open: now.open }, anchor, then));
      },
    );
  }

  /** Draw the state anew; the anchor, or what stays beside it, is where it was on the screen. */
  private refresh(anchor: string): void {
    const old = this.scene;
    const were = old.marks.map((_, place) => this.position(place));
    const next = scene(this.graph, this.state);
    if (!isSame(old, next)) {
      this.scene = next;
      this.placed = this.place();
    }
    const at = old.places.get(anchor);
    if (!this.scene.places.has(this.cursor)) {
      const instead = at === undefined ? undefined : this.successor(old, at);
      this.cursor = this.state.selected || (instead?.id ?? this.scene.marks[0]?.id ?? "");
    }
    this.change(this.pictureFor(this.scene.marks.length));
    const isInside = (): boolean => this.stage.parentElement?.contains(document.activeElement) === true;
    const wasInside = isInside();
    if (at !== undefined && this.scene !== old) this.hold(old, were, at);
    this.redraw();
    // A button that did something may be gone with it, and the keys with the focus.
    if (wasInside && !isInside()) this.picture.focus(this.cursor);
    this.link();
  }

  /** Move the new picture so that a mark of the old one stays, or what is beside it if that was opened or closed. */
  private hold(old: Scene, were: Pair[], at: number): void {
    const isGone = !this.scene.places.has(old.marks[at].id);
    const first = isGone ? (this.beside(old, were, at) ?? at) : at;
    const kept = [first, old.marks.findIndex((each) => each.focus)].find((each) => each >= 0 && this.successor(old, each));
    if (kept === undefined) return;
    const now = this.successor(old, kept) as Mark;
    const [x, y] = this.position(this.scene.places.get(now.id) as number);
    this.camera.moveBy(were[kept][0] - x, were[kept][1] - y);
  }

  /** Return which mark of the old picture stays, and is seen: the focus, else the nearest one. */
  private beside(old: Scene, were: Pair[], at: number): number | undefined {
    const { clientWidth, clientHeight } = this.stage;
    const stays = old.marks.map((_, place) => place).filter((place) => {
      const [x, y] = were[place];
      const isSeen = x > 0 && y > 0 && x < clientWidth && y < clientHeight;
      return isSeen && this.scene.places.has(old.marks[place].id);
    });
    const away = (place: number): number => Math.hypot(were[place][0] - were[at][0], were[place][1] - were[at][1]);
    return stays.find((place) => old.marks[place].focus) ?? nearest(stays, away);
  }

  /** Return what a mark of the last picture is in this one: itself, its first member, or its group. */
  private successor(old: Scene, place: number): Mark | undefined {
    const mark = old.marks[place];
    const node = this.graph.node(old.graph.key(mark.nodes[0])) ?? -1;
    return this.mark(mark.id) ?? this.scene.marks[this.scene.markOf[node]] ?? this.mark(mark.group);
  }

  /** Follow a link within the page; one to another moment is for who shows its page. */
  private follow(event: HashChangeEvent): void {
    if (location.hash.slice(1) === written(this.state)) return;
    if (new URL(event.oldURL).search !== location.search) return;
    this.go(location.hash.length > 1 ? read(location.hash) : this.first, this.cursor);
  }

  private link(): void {
    if (!this.options.address) return;
    try {
      history.replaceState(history.state, "", `#${written(this.state)}`);
    } catch {
      // A page inside another one, without an address of its own, has no links either.
    }
  }

  private place(): Placed {
    const { page } = this;
    const isFirst = isSame(this.scene, this.firstScene) && page.x.length === this.scene.marks.length;
    const { marks, lines } = this.scene;
    const pairs = lines.map((line): Pair => [line.source, line.target]);
    if (isFirst && page.bends.length === lines.length) return { ...bounds(page), x: page.x, y: page.y, bends: page.bends };
    const sizes = marks.map(() => page.size);
    return layout(marks.length, pairs, { sizes, gaps: page.gaps });
  }

  private pictureFor(count: number): Picture {
    const isCanvas = count > MOST_SVG;
    if (this.picture && this.picture instanceof CanvasPicture === isCanvas) return this.picture;
    return isCanvas ? new CanvasPicture(this) : new SvgPicture(this);
  }

  private change(picture: Picture): void {
    if (picture === this.picture) return;
    this.picture.element.replaceWith(picture.element);
    this.picture = picture;
    this.isOutlineOpen ||= picture instanceof CanvasPicture;
    picture.move(this.camera.view);
  }

  private redraw(): void {
    const { scene: drawn, placed, cursor, state } = this;
    this.found = lit(this.graph, drawn, state);
    const light = this.found && lightOf(this.graph, drawn, this.found);
    const hits = new Set(this.hits.map((node) => drawn.markOf[node]));
    const { opens } = this;
    const { size } = this.page;
    this.picture.draw({ scene: drawn, placed, size, opens, selected: state.selected, cursor, light, hits });
    this.onChange();
  }

  private print(isOnPaper: boolean): void {
    if (!(this.picture instanceof SvgPicture)) return;
    this.picture.print(isOnPaper ? this.placed : null);
    if (!isOnPaper) this.picture.move(this.camera.view);
  }

  scaleBy(factor: number): void {
    this.camera.scaleBy(factor);
  }

  /** Show all of the picture, in the middle of the window. */
  fit(): void {
    this.camera.fit(this.placed);
  }

  private position(place: number): Pair {
    return this.camera.position(this.at(place));
  }

  private at(place: number): Pair {
    return [this.placed.x[place], this.placed.y[place]];
  }

  private settle(): void {
    const place = this.scene.places.get(this.cursor);
    this.camera.settle(this.placed, place === undefined ? undefined : this.at(place));
  }

  /** Move the picture just so far that a mark is seen. */
  bring(id: string): void {
    const place = this.scene.places.get(id);
    if (place !== undefined) this.camera.bring(this.at(place), this.page.size);
  }
}

function isSame(one: Scene, other: Scene): boolean {
  return (
    one.graph === other.graph &&
    one.left === other.left &&
    one.marks.length === other.marks.length &&
    one.marks.every((mark, place) => mark.id === other.marks[place].id && mark.count === other.marks[place].count)
  );
}

function without(words: ReadonlySet<string>, word: string): ReadonlySet<string> {
  return new Set([...words].filter((each) => each !== word));
}

function nearest(places: number[], away: (place: number) => number): number | undefined {
  let best: number | undefined;
  for (const place of places) if (best === undefined || away(place) < away(best)) best = place;
  return best;
}

function bounds({ x, y, size }: Page): { width: number; height: number } {
  const right = x.reduce((most, each) => Math.max(most, each), 0);
  const bottom = y.reduce((most, each) => Math.max(most, each), 0);
  return { width: right + size[0] / 2, height: bottom + size[1] / 2 };
}
