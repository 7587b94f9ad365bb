// A page at work: takes what a reader does, makes the next state of it, and draws that.
import { zoom, zoomIdentity, type ZoomBehavior } from "d3-zoom";
import { CanvasPicture } from "./canvas";
import { Graph } from "./graph";
import { select } from "./hands";
import { layout, type Pair } from "./layout";
import { lightOf, lit, type Lit } from "./light";
import { labelOf, more } from "./look";
import type { Hands, Picture, Placed, View } from "./picture";
import { PAGE, restOf, scene, type Mark, type Scene } from "./scene";
import type { Page, Source } from "./source";
import { FIRST, History, read, written, type State, type Way } from "./state";
import { SvgPicture } from "./svg";

/** More marks than these are drawn on a canvas. */
const MOST_SVG = 500;
/** The scale below which nobody reads a label: the first picture is not made smaller to show all of it. */
const READABLE = 0.6;
const MARGIN = 32;

export class App implements Hands {
  readonly graph: Graph;
  readonly history: History;
  readonly first: State;
  private readonly firstScene: Scene;
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
  private view: View = { x: 0, y: 0, k: 1 };
  private height = 0;
  private readonly known = new Map<number, [string, string][]>();
  private readonly zoom: ZoomBehavior;
  /** Called after each change, to draw the panels. */
  onChange: () => void = () => {};

  constructor(
    readonly page: Page,
    readonly source: Source,
    readonly stage: HTMLElement,
  ) {
    this.graph = new Graph(page);
    const focus = page.units.find((unit) => unit.focus)?.id ?? "";
    this.first = { ...FIRST, open: new Map(page.opened), pins: new Set(page.pinned), selected: focus };
    this.history = new History(location.hash.length > 1 ? read(location.hash) : this.first);
    this.firstScene = scene(this.graph, this.first);
    this.scene = location.hash.length > 1 ? scene(this.graph, this.state) : this.firstScene;
    this.placed = this.place();
    this.cursor = this.state.selected || (this.scene.marks[0]?.id ?? "");
    this.picture = this.pictureFor(this.scene.marks.length);
    this.zoom = zoom()
      .scaleExtent([0.002, 4])
      .duration(0)
      .on("zoom", (event) => this.moved(event.transform));
    const stageOf = select(stage);
    stageOf.call(this.zoom);
    stageOf.on("dblclick.zoom", null);
    stage.append(this.picture.element);
    addEventListener("hashchange", () => this.follow());
    new ResizeObserver(() => this.resized()).observe(stage);
    matchMedia("print").addEventListener("change", (event) => this.print(event.matches));
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
    const left = this.leftOf(mark);
    if (!left) return;
    if (!this.page.whole) {
      this.say("This page holds too many nodes to open groups: export fewer, with --from.");
      return;
    }
    const unit = this.page.units[mark.unit];
    const open = new Map(this.state.open);
    open.set(unit.id, Math.min((open.get(unit.id) ?? 0) + count, unit.count));
    const at = this.scene.places.get(mark.id) as number;
    const [x, y] = this.position(at);
    this.go({ ...this.state, open, selected: "" }, mark.id);
    const inside = this.scene.marks.map((_, place) => place).filter((place) => this.scene.marks[place].unit === mark.unit);
    const away = (place: number): number => Math.hypot(this.position(place)[0] - x, this.position(place)[1] - y);
    const chosen = this.scene.marks[nearest(inside, away) ?? 0].id;
    this.choose(chosen);
    this.bring(chosen);
    const rest = more(Math.max(left - count, 0));
    this.say(`Opened ${more(Math.min(count, left))} of ${unit.label}; ${rest} more are in the group.`);
  }

  /** How many nodes of a mark's group are not marks of their own. */
  leftOf(mark: Mark): number {
    if (mark.count > 1) return mark.count;
    return mark.group ? (this.mark(restOf(mark.group))?.count ?? 0) : 0;
  }

  /** Close the group that a mark is of. */
  close(mark: Mark): void {
    const unit = this.page.units[mark.unit];
    const open = new Map(this.state.open);
    open.delete(unit.id);
    const inside = new Set(unit.nodes.map((node) => this.graph.key(node)));
    const pins = new Set([...this.state.pins].filter((key) => !inside.has(key)));
    this.go({ ...this.state, open, pins, selected: unit.id }, mark.id);
    this.say(`Closed ${unit.label}.`);
  }

  /** Open all groups of a type wholly; of every type without one. */
  openAll(type = ""): void {
    const open = new Map(this.state.open);
    for (const unit of this.groups(type)) open.set(unit.id, unit.count);
    this.go({ ...this.state, open }, this.cursor);
    this.say(`Opened all: ${more(this.scene.marks.length)} marks.`);
  }

  closeAll(): void {
    this.go({ ...this.state, open: new Map(), pins: new Set() }, this.cursor);
    this.say(`Closed all groups: ${more(this.scene.marks.length)} marks.`);
  }

  groups(type = ""): Page["units"] {
    return this.page.whole ? this.page.units.filter((unit) => unit.count > 1 && (!type || unit.type === type)) : [];
  }

  /** Types of groups that hold nodes which are not marks of their own. */
  closedTypes(): string[] {
    return this.page.whole ? [...new Set(this.scene.marks.filter((mark) => mark.count > 1).map((mark) => mark.type))] : [];
  }

  /** How many marks there would be with all groups of a type open; of every type without one. */
  cost(type = ""): number {
    const closed = this.scene.marks.filter((mark) => mark.count > 1 && (!type || mark.type === type));
    return closed.reduce((sum, mark) => sum + mark.count - 1, this.scene.marks.length);
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
    if (!this.history.undo()) return;
    this.refresh(this.cursor);
    this.say("Undone.");
  }

  redo(): void {
    if (!this.history.redo()) return;
    this.refresh(this.cursor);
    this.say("Done again.");
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

  /** Return a node's properties; those that the source must be asked for come with the next change. */
  detailsOf(node: number): [string, string][] {
    const known = this.known.get(node);
    if (known) return known;
    this.known.set(node, []);
    void this.source.details(this.page, node).then(({ properties }) => {
      this.known.set(node, properties);
      this.onChange();
    });
    return [];
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
    this.bring(id);
  }

  /** Move along the edges, to the left or right, or among what stands above one another. */
  step(x: number, y: number): void {
    const at = this.scene.places.get(this.cursor) ?? 0;
    const next = y ? this.sibling(at, y) : this.neighbour(at, x);
    if (next === undefined) return;
    const { id } = this.scene.marks[next];
    this.reached(id);
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

  private go(next: State, anchor: string): void {
    this.history.push(next);
    this.refresh(anchor);
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
      const instead = at === undefined ? undefined : this.successor(old.marks[at]);
      this.cursor = this.state.selected || (instead?.id ?? this.scene.marks[0]?.id ?? "");
    }
    this.change(this.pictureFor(this.scene.marks.length));
    if (at !== undefined && this.scene !== old) this.hold(old, were, at);
    this.redraw();
    this.link();
  }

  /** Move the new picture so that a mark of the old one stays, or what is beside it if that was opened. */
  private hold(old: Scene, were: Pair[], at: number): void {
    const mark = old.marks[at];
    const isOpened = mark.count > 1 && !this.scene.places.has(mark.id);
    const kept = isOpened ? (this.beside(old, were, at) ?? at) : at;
    const now = this.successor(old.marks[kept]);
    const place = now && this.scene.places.get(now.id);
    if (place === undefined) return;
    const [x, y] = this.position(place);
    this.moveTo({ x: this.view.x + were[kept][0] - x, y: this.view.y + were[kept][1] - y, k: this.view.k });
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
  private successor(mark: Mark): Mark | undefined {
    return this.mark(mark.id) ?? this.scene.marks[this.scene.markOf[mark.nodes[0]]];
  }

  private follow(): void {
    if (location.hash.slice(1) === written(this.state)) return;
    this.history.push(location.hash.length > 1 ? read(location.hash) : this.first);
    this.refresh(this.cursor);
  }

  private link(): void {
    try {
      history.replaceState(null, "", `#${written(this.state)}`);
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
    picture.move(this.view);
  }

  private redraw(): void {
    const { scene: drawn, placed, cursor, state } = this;
    this.found = lit(this.graph, drawn, state);
    const light = this.found && lightOf(this.graph, drawn, this.found);
    const hits = new Set(this.hits.map((node) => drawn.markOf[node]));
    const { size, whole: opens } = this.page;
    this.picture.draw({ scene: drawn, placed, size, opens, selected: state.selected, cursor, light, hits });
    this.onChange();
  }

  // Where the picture stands in its window.

  private moved(view: View): void {
    this.view = view;
    this.picture.move(view);
  }

  private moveTo({ x, y, k }: View): void {
    this.zoom.transform(select(this.stage), zoomIdentity.translate(x, y).scale(k));
  }

  /** Return where a mark is on the screen. */
  private position(place: number): Pair {
    const { x, y, k } = this.view;
    return [this.placed.x[place] * k + x, this.placed.y[place] * k + y];
  }

  /** Keep the middle of the picture in the middle when a table below it opens or closes. */
  private resized(): void {
    const { clientHeight } = this.stage;
    const higher = clientHeight - this.height;
    this.height = clientHeight;
    if (higher && higher !== clientHeight) this.moveTo({ ...this.view, y: this.view.y + higher / 2 });
  }

  private print(isOnPaper: boolean): void {
    if (!(this.picture instanceof SvgPicture)) return;
    this.picture.print(isOnPaper ? this.placed : null);
    if (!isOnPaper) this.picture.move(this.view);
  }

  scaleBy(factor: number): void {
    this.zoom.scaleBy(select(this.stage), factor);
  }

  /** Show all of the picture, in the middle of the window. */
  fit(smallest = 0): void {
    const { clientWidth, clientHeight } = this.stage;
    const { width, height } = this.placed;
    const wide = Math.max(clientWidth - 2 * MARGIN, 50) / Math.max(width, 1);
    const high = Math.max(clientHeight - 2 * MARGIN, 50) / Math.max(height, 1);
    const k = Math.max(Math.min(wide, high, 1.25), smallest);
    this.moveTo({ x: (clientWidth - width * k) / 2, y: (clientHeight - height * k) / 2, k });
  }

  /** Show all where that can be read, else what is around the chosen mark. */
  private settle(): void {
    this.height = this.stage.clientHeight;
    this.fit(READABLE);
    const place = this.scene.places.get(this.cursor);
    if (place === undefined) return;
    const { clientWidth, clientHeight } = this.stage;
    const { x, y, k } = this.view;
    const [left, top] = this.position(place);
    const width = this.placed.width * k;
    const height = this.placed.height * k;
    this.moveTo({
      x: width > clientWidth ? clamp(x + clientWidth / 2 - left, clientWidth - MARGIN - width, MARGIN) : x,
      y: height > clientHeight ? clamp(y + clientHeight / 2 - top, clientHeight - MARGIN - height, MARGIN) : y,
      k,
    });
  }

  /** Move the picture just so far that a mark is seen. */
  bring(id: string): void {
    const place = this.scene.places.get(id);
    if (place === undefined) return;
    const { clientWidth, clientHeight } = this.stage;
    const [x, y] = this.position(place);
    const [w, h] = [(this.page.size[0] / 2) * this.view.k + MARGIN, this.page.size[1] * this.view.k + MARGIN];
    const dx = clamp(x, w, Math.max(w, clientWidth - w)) - x;
    const dy = clamp(y, h, Math.max(h, clientHeight - h)) - y;
    if (dx || dy) this.moveTo({ x: this.view.x + dx, y: this.view.y + dy, k: this.view.k });
  }
}

function isSame(one: Scene, other: Scene): boolean {
  return (
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

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

function bounds({ x, y, size }: Page): { width: number; height: number } {
  const right = x.reduce((most, each) => Math.max(most, each), 0);
  const bottom = y.reduce((most, each) => Math.max(most, each), 0);
  return { width: right + size[0] / 2, height: bottom + size[1] / 2 };
}
