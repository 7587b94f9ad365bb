// What a reader lights up in a picture: all that fed a mark, all that it led to, or the ways between two.
import type { Graph } from "./graph";
import type { Light } from "./picture";
import { isHolding, type Line, type Scene } from "./scene";
import type { State, Way } from "./state";

/** The nodes that are lit, nearest first, without those where the way begins, which come apart. */
export interface Lit {
  starts: number[];
  nodes: number[];
}

/** Return what a state lights; null for nothing, or where the mark is not in the picture. */
export function lit(graph: Graph, scene: Scene, state: State): Lit | null {
  const starts = nodesOf(graph, scene, state.from);
  if (!state.way || !starts.length) return null;
  if (state.way === "path") {
    const ends = nodesOf(graph, scene, state.to);
    const along = graph.between(starts, ends);
    const nodes = along.length ? along : graph.between(ends, starts);
    return { starts: [], nodes: nodes.length ? nodes : [] };
  }
  return { starts, nodes: reached(graph, starts, state.way) };
}

/** Return the nodes of a mark, or of a node that is inside a closed one. */
export function nodesOf(graph: Graph, scene: Scene, id: string): number[] {
  const place = scene.places.get(id);
  if (place !== undefined) return scene.marks[place].nodes;
  const node = graph.node(id);
  if (node !== undefined) return [node];
  return graph.units.get(id)?.nodes ?? [];
}

/** Return the nodes that a way leads to from the starts, nearest first, without them; of both ways, the one first. */
export function reached(graph: Graph, starts: number[], way: Way): number[] {
  if (way === "both") {
    return [...new Set([...reached(graph, starts, "up"), ...reached(graph, starts, "down")])];
  }
  const away = way === "holds" ? graph.depths(starts) : graph.reach(starts, way === "down");
  const found: number[] = [];
  for (let node = 0; node < away.length; node++) if (away[node] > 0) found.push(node);
  return found.sort((a, b) => away[a] - away[b] || a - b);
}

/** Return the marks of what is lit, and the lines of which an edge leads from a lit node to a lit node, or holds it. */
export function lightOf(graph: Graph, scene: Scene, found: Lit): Light {
  const isLit = new Uint8Array(graph.count);
  for (const node of [...found.starts, ...found.nodes]) isLit[node] = 1;
  const marks = new Set<number>();
  for (let node = 0; node < graph.count; node++) {
    if (isLit[node] && scene.markOf[node] >= 0) marks.add(scene.markOf[node]);
  }
  const pairs = new Set<number>();
  for (let node = 0; node < graph.count; node++) {
    if (!isLit[node]) continue;
    for (const next of graph.next(node)) {
      if (isLit[next]) pairs.add(scene.markOf[node] * scene.marks.length + scene.markOf[next]);
    }
  }
  const isOn = (line: Line): boolean =>
    pairs.has(line.source * scene.marks.length + line.target) ||
    ((line.via || isHolding(line)) && marks.has(line.source) && marks.has(line.target));
  return { marks, lines: new Set(scene.lines.filter(isOn)) };
}
