// What is drawn in a state: marks and lines, of nodes, edges, groups that are open or closed, and filters.
import { Graph, LAST_EVENT } from "./graph";
import type { Link, Unit } from "./source";
import type { State } from "./state";

/** How many members of a group are shown at once. */
export const PAGE = 100;
/** How many marks a context holds by lines at most: as in the SVG of a view. */
const HELD = 4;
/** What passing over nodes that are left out may cost, in visits of edges. */
const PASSED = 20_000_000;

export interface Mark extends Unit {
  /** The place of the unit that it is, or is of. */
  unit: number;
  /** Whether it stands for what a group that is open does not show yet. */
  rest: boolean;
  /** How many marks a context holds, where these would be too many lines. */
  held: number;
  /** The group that is open and holds it; empty for none. */
  group: string;
}

/** An edge between two marks, by their places; one `via` passes nodes that are left out. */
export interface Line extends Link {
  via: boolean;
}

export interface Scene {
  marks: Mark[];
  lines: Line[];
  /** Each node's mark; -1 for what is left out. */
  markOf: Int32Array;
  /** How many nodes the filters leave out. */
  left: number;
  places: Map<string, number>;
}

export function scene(graph: Graph, state: State): Scene {
  const { page } = graph;
  const markOf = new Int32Array(graph.count).fill(-1);
  const isLeft = leftOut(graph, state);
  const marks: Mark[] = [];
  page.units.forEach((unit, place) => {
    const nodes = unit.nodes.filter((node) => !isLeft(node));
    if (!nodes.length) return;
    const shown = page.whole && unit.count > 1 ? shownOf(graph, unit, nodes, state) : [];
    if (shown.length) opened(graph, unit, place, nodes, shown).forEach((mark) => marks.push(mark));
    else marks.push(closed(unit, place, nodes));
  });
  // As the answer's own marks: in the order of their nearest nodes.
  marks.sort((a, b) => a.nodes[0] - b.nodes[0]);
  marks.forEach((mark, place) => {
    for (const node of mark.nodes) markOf[node] = place;
  });
  const left = countOf(graph.count, isLeft);
  const lines = page.whole ? counted(graph, marks, markOf, isLeft, left) : page.links.map(direct);
  const places = new Map(marks.map((mark, place) => [mark.id, place]));
  const between = lines.filter((line) => line.source !== line.target);
  return { marks, lines: withoutMany(between, marks), markOf, left: left - graph.hidden, places };
}

/** Leave out the lines of contexts that hold many marks, and would hide the flow of data; the marks say how many. */
function withoutMany(lines: Line[], marks: Mark[]): Line[] {
  for (const line of lines) if (isHolding(line)) marks[line.source].held++;
  const kept = lines.filter((line) => !isHolding(line) || marks[line.source].held <= HELD);
  for (const mark of marks) if (mark.held <= HELD) mark.held = 0;
  return kept;
}

/** Whether a line only says what a context holds. */
export function isHolding(line: Line): boolean {
  return line.kinds.length > 0 && line.kinds.every((kind) => kind > LAST_EVENT);
}

/** Tell which nodes are no mark, but are passed over: those of no unit, and those that the filters leave out. */
function leftOut(graph: Graph, state: State): (node: number) => boolean {
  if (!graph.page.whole) return () => false;
  const { state: states } = graph.page.nodes;
  return (node) => !graph.isShown(node) || state.types.has(graph.type(node)) || state.states.has(states[node]);
}

function countOf(count: number, test: (node: number) => boolean): number {
  let found = 0;
  for (let node = 0; node < count; node++) if (test(node)) found++;
  return found;
}

function closed(unit: Unit, place: number, nodes: number[]): Mark {
  const count = nodes.length + unit.count - unit.nodes.length;
  return { ...unit, nodes, count, unit: place, rest: false, group: "", held: 0 };
}

/** Return the nodes of a group that are marks of their own: the first ones, and those that are pinned. */
function shownOf(graph: Graph, unit: Unit, nodes: number[], state: State): number[] {
  const first = state.open.get(unit.id) ?? 0;
  return nodes.filter((node, place) => place < first || (state.pins.size && state.pins.has(graph.key(node))));
}

/** Return the marks of a group that is open: its nodes that are shown, and one for the others. */
function opened(graph: Graph, unit: Unit, place: number, nodes: number[], shown: number[]): Mark[] {
  const marks = shown.map((node) => single(graph, node, unit, place));
  const isShown = new Set(shown);
  const others = nodes.filter((node) => !isShown.has(node));
  if (others.length) {
    const id = restOf(unit.id);
    const label = `${others.length.toLocaleString("en")} more`;
    const continues = others.some((node) => graph.ends.has(node));
    marks.push({ ...closed(unit, place, others), count: others.length, id, label, rest: true, continues, group: unit.id });
  }
  return marks;
}

export function restOf(id: string): string {
  return `${id}+rest`;
}

function single(graph: Graph, node: number, unit: Unit, place: number): Mark {
  const { nodes } = graph.page;
  return {
    id: graph.key(node),
    kind: nodes.kind[node],
    type: graph.type(node),
    label: nodes.label[node],
    count: 1,
    nodes: [node],
    rule: "",
    state: nodes.state[node],
    focus: false,
    continues: graph.ends.has(node),
    title: [],
    badge: graph.page.badges[node] ?? "",
    role: unit.role,
    cycle: false,
    unit: place,
    rest: false,
    group: unit.id,
    held: 0,
  };
}

function direct(link: Link): Line {
  return { ...link, via: false };
}

/** Lines in the making, by the places of their marks, with the members that have such an edge. */
class Lines {
  private readonly lines = new Map<number, Line>();
  private readonly ends = [new Map<number, Set<number>>(), new Map<number, Set<number>>()];

  constructor(
    private readonly marks: Mark[],
    private readonly markOf: Int32Array,
  ) {}

  /** Count an edge from node to node; one of no kind passes over others, and does not count where one of a kind is. */
  add(source: number, target: number, kind: number, via = false): void {
    const [a, b] = [this.markOf[source], this.markOf[target]];
    if (a < 0 || b < 0) return;
    const place = a * this.marks.length + b;
    const line = this.lines.get(place) ?? put(this.lines, place, blank(this.marks, a, b, via));
    if (!kind && line.kinds.length) return;
    line.count++;
    if (kind && !line.kinds.includes(kind)) line.kinds.push(kind);
    if (this.marks[a].count > 1) seen(this.ends[0], place, source);
    if (this.marks[b].count > 1) seen(this.ends[1], place, target);
  }

  /** Return the lines, by source and target. */
  all(): Line[] {
    const sorted = [...this.lines].sort(([a], [b]) => a - b);
    return sorted.map(([place, line]) => {
      line.sources = this.ends[0].get(place)?.size ?? 1;
      line.targets = this.ends[1].get(place)?.size ?? 1;
      line.kinds.sort((a, b) => a - b);
      return line;
    });
  }
}

/** Return the lines between marks, each with how many members have such an edge. */
function counted(
  graph: Graph,
  marks: Mark[],
  markOf: Int32Array,
  isLeft: (node: number) => boolean,
  left: number,
): Line[] {
  const { source, target, kind } = graph.page.edges;
  const lines = new Lines(marks, markOf);
  for (let edge = 0; edge < source.length; edge++) lines.add(source[edge], target[edge], kind[edge]);
  if (left) passOver(graph, lines, markOf, isLeft, left > graph.hidden);
  return lines.all();
}

/** Add lines for ways that lead only over nodes that are no marks: what fed what stays to be seen. */
function passOver(
  graph: Graph,
  lines: Lines,
  markOf: Int32Array,
  isLeft: (node: number) => boolean,
  via: boolean,
): void {
  let visits = 0;
  for (let source = 0; source < graph.count && visits < PASSED; source++) {
    if (markOf[source] < 0) continue;
    const passed = new Set<number>();
    const stack = [...graph.next(source)].filter(isLeft);
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (passed.has(node)) continue;
      passed.add(node);
      for (const next of graph.next(node)) {
        visits++;
        if (isLeft(next)) stack.push(next);
        else if (next !== source) lines.add(source, next, 0, via);
      }
    }
  }
}

function put<V>(map: Map<number, V>, place: number, value: V): V {
  map.set(place, value);
  return value;
}

function seen(sets: Map<number, Set<number>>, place: number, node: number): void {
  (sets.get(place) ?? put(sets, place, new Set<number>())).add(node);
}

function blank(marks: Mark[], source: number, target: number, via: boolean): Line {
  const [ofSources, ofTargets] = [marks[source].count, marks[target].count];
  return { source, target, count: 0, kinds: [], sources: 0, ofSources, targets: 0, ofTargets, label: "", via };
}

/** Whether all members of both marks have such an edge. */
export function isEvery(line: Line): boolean {
  return line.sources === line.ofSources && line.targets === line.ofTargets;
}

/** What is written at a line that does not hold for every member. */
export function lineText(line: Line): string {
  if (line.label) return line.label;
  if (isEvery(line)) return "";
  // That one member has one edge is seen.
  if (line.count === 1) return "";
  return [
    [line.sources, line.ofSources],
    [line.targets, line.ofTargets],
  ]
    .filter(([some, every]) => some < every)
    .map(([some, every]) => `${some.toLocaleString("en")} of ${every.toLocaleString("en")}`)
    .join(" → ");
}
