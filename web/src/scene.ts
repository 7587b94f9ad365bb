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
  /** How many marks it opens as: its nodes, or the groups that it is made of. */
  size: number;
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
  graph: Graph;
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
  for (const unit of page.units) marks.push(...marksOf(graph, unit, state, isLeft, unit.within ?? ""));
  // As the answer's own marks: in the order of their nearest nodes.
  marks.sort((a, b) => a.nodes[0] - b.nodes[0]);
  marks.forEach((mark, place) => {
    for (const node of mark.nodes) markOf[node] = place;
  });
  const left = countOf(graph.count, isLeft);
  const lines = page.whole ? counted(graph, marks, markOf, isLeft, left) : page.links.map(direct);
  const places = new Map(marks.map((mark, place) => [mark.id, place]));
  const between = lines.filter((line) => line.source !== line.target);
  return { graph, marks, lines: withoutMany(between, marks), markOf, left: left - graph.hidden, places };
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

type Part = Unit | number;

function nodesIn(part: Part): number[] {
  return typeof part === "number" ? [part] : part.nodes;
}

/** Return the marks of a unit: one while it is closed; of an open one its parts that are shown, and one for the others. */
function marksOf(graph: Graph, unit: Unit, state: State, isLeft: (node: number) => boolean, group: string): Mark[] {
  const isThere = (part: Part): boolean => nodesIn(part).some((node) => !isLeft(node));
  const parts: Part[] = (unit.parts ?? unit.nodes).filter(isThere);
  if (!parts.length) return [];
  const first = state.open.get(unit.id) ?? 0;
  const isPinned = (part: Part): boolean => nodesIn(part).some((node) => state.pins.has(graph.key(node)));
  const isOpen = graph.page.whole && unit.count > 1;
  const isShown = parts.map((part, place) => isOpen && (place < first || (state.pins.size > 0 && isPinned(part))));
  const others = parts.filter((_, place) => !isShown[place]);
  if (others.length === parts.length) return [closed(unit, parts, isLeft, group)];
  // One alone is no group of what is left: it is itself.
  const marks = parts
    .filter((_, place) => isShown[place] || others.length === 1)
    .flatMap((part) =>
      typeof part === "number" ? [single(graph, part, unit)] : marksOf(graph, part, state, isLeft, unit.id),
    );
  if (others.length > 1) {
    const mark = closed(unit, others, isLeft, unit.id);
    const continues = mark.nodes.some((node) => graph.ends.has(node));
    marks.push({ ...asRest(mark), id: `${unit.id}+rest`, continues });
  }
  return marks;
}

function closed(unit: Unit, some: Part[], isLeft: (node: number) => boolean, group: string): Mark {
  const { parts, ...rest } = unit;
  const nodes = some.flatMap(nodesIn).filter((node) => !isLeft(node));
  if (parts) nodes.sort((a, b) => a - b);
  const count = nodes.length + unit.count - unit.nodes.length;
  const size = parts ? some.length : (unit.size ?? count);
  const mark = { ...rest, nodes, count, size, rest: false, group, held: 0 };
  return unit.rule === "rest" ? asRest(mark) : mark;
}

function asRest(mark: Mark): Mark {
  return { ...mark, label: `${mark.count.toLocaleString("en")} more`, rest: true };
}

function single(graph: Graph, node: number, unit: Unit): Mark {
  const { nodes } = graph.page;
  return {
    id: graph.key(node),
    kind: nodes.kind[node],
    type: graph.type(node),
    label: nodes.label[node],
    count: 1,
    size: 1,
    nodes: [node],
    rule: "",
    state: nodes.state[node],
    focus: false,
    continues: graph.ends.has(node),
    title: [],
    badge: graph.page.badges[node] ?? "",
    role: unit.role,
    cycle: false,
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
