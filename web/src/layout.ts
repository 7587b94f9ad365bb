// Where the marks of a picture stand: layers from left to right along the data, with few crossings.
// The same algorithm as lineage/answers/layout.py, which explains it: doubles are added, divided and
// compared in the same order, so that both agree to the last bit (tests/answers/test_layout.py).

export type Pair = [number, number];

export interface Layout {
  x: number[];
  y: number[];
  /** By edge, from source to target; a long edge passes each layer at two points of one height. */
  bends: Pair[][];
  layers: number;
  width: number;
  height: number;
  /** Long edges that have no bends, because there would be more than the limit. */
  straight: number;
}

export interface Options {
  sizes?: readonly Pair[];
  gaps?: Pair;
  bends?: number;
}

export const MAX_BENDS = 6_000;
export const SIZE: Pair = [160, 34];
export const GAPS: Pair = [60, 16];

const ROWS = 24;
const COLUMNS = 6;
const SHORTENED = 200_000;
const ORDERED = 120_000;
const ROUNDS = 24;
const PATIENCE = 10;
const STARTED = 1_000;
const EXCHANGED = 2_000;
const EXCHANGES = 8;
const PLACED = 6;
const STRAIGHTENED = 2;

type Lists = number[][];

interface Graph {
  rank: number[];
  before: Lists;
  after: Lists;
  chains: Map<string, number[]>;
  straight: number;
}

export function layout(count: number, edges: readonly Pair[], options: Options = {}): Layout {
  const sizes = options.sizes ?? Array.from({ length: count }, () => SIZE);
  const gaps = options.gaps ?? GAPS;
  const arcs = withoutCycles(count, unique(edges.filter(([a, b]) => a !== b)));
  const limit = options.bends ?? MAX_BENDS;
  const rank = ranks(count, arcs);
  split(rank, arcs, limit);
  const graph = bent(arcs, rank, limit);
  const y = new Array<number>(graph.rank.length).fill(0);
  const height = graph.rank.map((_, v) => (v < count ? sizes[v][1] : -gaps[1] / 2));
  let top = 0;
  const lonely: number[] = [];
  for (const part of parts(graph.before, graph.after)) {
    if (part.length === 1) {
      lonely.push(part[0]);
      continue;
    }
    const layers = layersOf(part, graph.rank);
    order(layers, graph);
    place(layers, graph, y, height, gaps[1]);
    top = lowered(layers.flat(), y, height, top) + 2 * gaps[1];
  }
  grid(lonely, graph.rank, y, height, top, gaps[1]);
  return measured(edges, graph, y, sizes, gaps);
}

function unique(arcs: readonly Pair[]): Pair[] {
  return [...new Map(arcs.map((arc) => [`${arc[0]} ${arc[1]}`, arc])).values()];
}

function withoutCycles(count: number, arcs: Pair[]): Pair[] {
  const leaving = lists(count, arcs);
  const written = new Array<number>(count).fill(0);
  for (const [, b] of arcs) written[b] += 1;
  const state = new Uint8Array(count);
  const turned = new Set<string>();
  const roots = Array.from({ length: count }, (_, v) => v);
  roots.sort((v, w) => written[v] - written[w] || v - w);
  for (const root of roots) {
    if (state[root]) continue;
    state[root] = 1;
    const stack: Pair[] = [[root, 0]];
    while (stack.length) {
      const top = stack[stack.length - 1];
      const v = top[0];
      if (top[1] === leaving[v].length) {
        state[v] = 2;
        stack.pop();
        continue;
      }
      const u = leaving[v][top[1]++];
      if (state[u] === 1) turned.add(`${v} ${u}`);
      else if (!state[u]) {
        state[u] = 1;
        stack.push([u, 0]);
      }
    }
  }
  return unique(arcs.map(([a, b]): Pair => (turned.has(`${a} ${b}`) ? [b, a] : [a, b])));
}

function ranks(count: number, arcs: Pair[]): number[] {
  const after = lists(count, arcs);
  const before = lists(count, arcs.map(([a, b]): Pair => [b, a]));
  const rank = new Array<number>(count).fill(0);
  const missing = before.map((each) => each.length);
  const sorted: number[] = [];
  for (let v = 0; v < count; v++) if (!missing[v]) sorted.push(v);
  for (let i = 0; i < sorted.length; i++) {
    for (const u of after[sorted[i]]) {
      rank[u] = Math.max(rank[u], rank[sorted[i]] + 1);
      missing[u] -= 1;
      if (!missing[u]) sorted.push(u);
    }
  }
  for (let i = count - 1; i >= 0; i--) {
    const v = sorted[i];
    if (after[v].length > before[v].length) rank[v] = lowest(after[v], rank) - 1;
  }
  shorten(rank, before, after);
  return rank;
}

function shorten(rank: number[], before: Lists, after: Lists): void {
  const spare = rank.map((_, v) => after[v].length - before[v].length);
  const flow = new Map<string, number>();
  let work = SHORTENED;
  const starts = [...rank.keys()].filter((v) => spare[v] > 0);
  starts.sort((v, w) => rank[w] - rank[v] || v - w);
  for (const start of starts) {
    while (spare[start] > 0 && work > 0) {
      const came = new Map([[start, start]]);
      const stack = [start];
      let end = -1;
      while (stack.length && end < 0) {
        const v = stack.pop() as number;
        work -= after[v].length + before[v].length;
        const tight = after[v].filter((u) => rank[u] === rank[v] + 1);
        for (const u of [...tight, ...before[v].filter((u) => flow.get(`${u} ${v}`))]) {
          if (came.has(u)) continue;
          came.set(u, v);
          stack.push(u);
          if (spare[u] < 0) end = u;
        }
      }
      if (end < 0) {
        let step = Infinity;
        for (const v of came.keys()) {
          for (const u of after[v]) if (!came.has(u)) step = Math.min(step, rank[u] - rank[v] - 1);
        }
        for (const v of came.keys()) rank[v] += step;
      } else {
        spare[start] -= 1;
        spare[end] += 1;
        give(came, end, flow, rank);
      }
    }
  }
}

function give(came: Map<number, number>, end: number, flow: Map<string, number>, rank: number[]): void {
  let u = end;
  for (let v = came.get(u) as number; v !== u; u = v, v = came.get(u) as number) {
    if (rank[v] < rank[u]) flow.set(`${v} ${u}`, (flow.get(`${v} ${u}`) ?? 0) + 1);
    else flow.set(`${u} ${v}`, (flow.get(`${u} ${v}`) as number) - 1);
  }
}

function split(rank: number[], arcs: Pair[], limit: number): void {
  let left = Math.floor(limit / 2);
  const before = lists(rank.length, arcs.map(([a, b]): Pair => [b, a]));
  for (const part of parts(before, lists(rank.length, arcs))) {
    const nodes = new Map<number, number[]>();
    for (const v of part.sort((a, b) => a - b)) {
      const some = nodes.get(rank[v]);
      if (some) some.push(v);
      else nodes.set(rank[v], [v]);
    }
    const layers = [...nodes].sort((one, other) => one[0] - other[0]).map(([, some]) => some);
    let columns: number[] = [];
    let needed = 0;
    for (let most = COLUMNS; most > 0; most--) {
      columns = layers.map((some) => Math.min(Math.ceil(some.length / ROWS), most));
      needed = layers.reduce((sum, some, i) => sum + 2 * some.length * (columns[i] - 1), 0);
      if (needed <= left) break;
    }
    left -= needed;
    let start = 0;
    layers.forEach((some, layer) => {
      some.forEach((v, i) => (rank[v] = start + Math.floor((i * columns[layer]) / some.length)));
      start += columns[layer];
    });
  }
}

function bent(arcs: Pair[], rank: number[], limit: number): Graph {
  const spans = new Map<number, number>();
  for (const [a, b] of arcs) {
    const span = rank[b] - rank[a];
    spans.set(span, (spans.get(span) ?? 0) + 1);
  }
  let longest = 1;
  for (const [span, number] of [...spans].sort((one, other) => one[0] - other[0])) {
    limit -= (span - 1) * number;
    if (limit < 0) break;
    longest = span;
  }
  const all = [...rank];
  const chains = new Map<string, number[]>();
  const segments: Pair[] = [];
  for (const [a, b] of arcs) {
    let last = a;
    if (rank[b] - rank[a] > 1 && rank[b] - rank[a] <= longest) {
      const chain: number[] = [];
      for (let layer = rank[a] + 1; layer < rank[b]; layer++) {
        segments.push([last, all.length]);
        last = all.length;
        chain.push(last);
        all.push(layer);
      }
      chains.set(`${a} ${b}`, chain);
    }
    segments.push([last, b]);
  }
  let straight = 0;
  for (const [span, number] of spans) if (span > longest) straight += number;
  const before = lists(all.length, segments.map(([a, b]): Pair => [b, a]));
  return { rank: all, before, after: lists(all.length, segments), chains, straight };
}

function parts(before: Lists, after: Lists): Lists {
  const done = new Uint8Array(after.length);
  const found: Lists = [];
  for (let root = 0; root < after.length; root++) {
    const part: number[] = [];
    const stack = [root];
    while (stack.length) {
      const v = stack.pop() as number;
      if (done[v]) continue;
      done[v] = 1;
      part.push(v);
      for (const sides of [before[v], after[v]]) {
        for (let i = sides.length - 1; i >= 0; i--) if (!done[sides[i]]) stack.push(sides[i]);
      }
    }
    if (part.length) found.push(part);
  }
  return found;
}

function layersOf(part: number[], rank: number[]): Lists {
  return lists(highest(part, rank) + 1, part.map((v): Pair => [rank[v], v]));
}

function order(layers: Lists, graph: Graph): void {
  const position = new Array<number>(graph.rank.length).fill(0);
  let segments = 0;
  for (const layer of layers) for (const v of layer) segments += graph.after[v].length;
  const rounds = Math.max(2, Math.min(ROUNDS, Math.floor(ORDERED / (segments + 1))));
  let fewest = -1;
  let best = layers;
  for (const [start, median] of starts(layers, graph, segments)) {
    const tried = copy(start);
    let waited = 0;
    for (const layer of tried) enumerate(layer, position);
    for (let turn = 0; turn < rounds; turn++) {
      const now = crossings(tried, graph, position);
      waited += 1;
      if (fewest < 0 || now < fewest) {
        fewest = now;
        best = copy(tried);
        waited = 0;
      }
      if (!fewest || waited === PATIENCE) break;
      sweep(tried, graph, position, { backwards: turn % 2 === 1, late: turn % 4 > 1, median });
      if (segments <= EXCHANGED) exchange(tried, graph, position, turn % 4 > 1);
    }
  }
  best.forEach((each, i) => (layers[i] = each));
}

function starts(layers: Lists, graph: Graph, segments: number): [Lists, boolean][] {
  if (segments > STARTED) return [[layers, false]];
  return [
    [layers, false],
    [spread(layers, graph.rank, graph.after), true],
    [spread([...layers].reverse(), graph.rank, graph.before), true],
  ];
}

function spread(layers: Lists, rank: number[], sides: Lists): Lists {
  const found: Lists = layers.map(() => []);
  const seen = new Set<number>();
  for (const layer of layers) {
    const queue = layer.filter((v) => !seen.has(v));
    for (let i = 0; i < queue.length; i++) {
      const v = queue[i];
      if (seen.has(v)) continue;
      seen.add(v);
      found[rank[v]].push(v);
      for (const u of sides[v]) if (!seen.has(u)) queue.push(u);
    }
  }
  return found;
}

interface Turn {
  backwards: boolean;
  late: boolean;
  median: boolean;
}

function sweep(layers: Lists, graph: Graph, position: number[], turn: Turn): void {
  const sides = turn.backwards ? graph.after : graph.before;
  const middle = new Map<number, number>();
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[turn.backwards ? layers.length - 1 - i : i];
    for (const v of layer) {
      let ends = sides[v].map((u) => position[u]);
      if (turn.median) {
        ends.sort((a, b) => a - b);
        ends = ends.slice((ends.length - 1) >> 1, (ends.length >> 1) + 1);
      }
      const sum = ends.reduce((total, end) => total + end, 0);
      middle.set(v, ends.length ? sum / ends.length : position[v]);
    }
    if (turn.late) layer.reverse();
    layer.sort((v, w) => (middle.get(v) as number) - (middle.get(w) as number));
    enumerate(layer, position);
  }
}

function exchange(layers: Lists, graph: Graph, position: number[], even: boolean): void {
  let improved = true;
  for (let round = 0; improved && round < EXCHANGES; round++) {
    improved = false;
    for (const layer of layers) {
      const before = new Map(layer.map((v) => [v, positions(graph.before[v], position)]));
      const after = new Map(layer.map((v) => [v, positions(graph.after[v], position)]));
      const cost = (v: number, w: number) =>
        inverted(before.get(v) as number[], before.get(w) as number[]) +
        inverted(after.get(v) as number[], after.get(w) as number[]);
      for (let i = 0; i < layer.length - 1; i++) {
        const v = layer[i];
        const w = layer[i + 1];
        const kept = cost(v, w);
        if (!kept) continue;
        const turned = cost(w, v);
        if (kept > turned || (even && kept === turned)) {
          layer[i] = w;
          layer[i + 1] = v;
          improved ||= kept > turned;
        }
      }
      enumerate(layer, position);
    }
  }
}

function positions(nodes: number[], position: number[]): number[] {
  return nodes.map((u) => position[u]).sort((a, b) => a - b);
}

function inverted(first: number[], second: number[]): number {
  let count = 0;
  let passed = 0;
  for (const a of first) {
    while (passed < second.length && second[passed] < a) passed += 1;
    count += passed;
  }
  return count;
}

function crossings(layers: Lists, graph: Graph, position: number[]): number {
  let count = 0;
  for (const layer of layers) {
    const ends: number[] = [];
    for (const v of layer) {
      for (const end of positions(graph.after[v], position)) {
        let low = 0;
        let high = ends.length;
        while (low < high) {
          const middle = (low + high) >> 1;
          if (end < ends[middle]) high = middle;
          else low = middle + 1;
        }
        count += ends.length - low;
        ends.splice(low, 0, end);
      }
    }
  }
  return count;
}

function place(layers: Lists, graph: Graph, y: number[], height: number[], gap: number): void {
  for (const layer of layers) {
    let down = 0;
    for (const v of layer) {
      y[v] = down + height[v] / 2;
      down += height[v] + gap;
    }
    for (const v of layer) y[v] -= down / 2;
  }
  for (let turn = 0; turn < PLACED; turn++) {
    const sides = turn % 2 ? graph.after : graph.before;
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[turn % 2 ? layers.length - 1 - i : i];
      settle(layer, layer.map((v) => mean(v, sides[v], y)), y, height, gap);
    }
  }
  for (let turn = 0; turn < STRAIGHTENED; turn++) {
    for (const layer of layers) {
      settle(layer, layer.map((v) => straight(v, graph, y, height)), y, height, gap);
    }
  }
}

function mean(v: number, beside: number[], y: number[]): number {
  let total = 0;
  for (const u of beside) total += y[u];
  return beside.length ? total / beside.length : y[v];
}

function straight(v: number, graph: Graph, y: number[], height: number[]): number {
  if (height[v] < 0) return y[graph.before[v][0]];
  const ends = positions([...graph.before[v], ...graph.after[v]], y);
  return (ends[(ends.length - 1) >> 1] + ends[ends.length >> 1]) / 2;
}

function settle(layer: number[], wishes: number[], y: number[], height: number[], gap: number): void {
  const offsets: number[] = [];
  const totals: number[] = [];
  const counts: number[] = [];
  let offset = 0;
  layer.forEach((v, i) => {
    if (i) offset += (height[layer[i - 1]] + height[v]) / 2 + gap;
    offsets.push(offset);
    let total = wishes[i] - offset;
    let size = 1;
    while (totals.length && totals[totals.length - 1] / counts[counts.length - 1] > total / size) {
      total += totals.pop() as number;
      size += counts.pop() as number;
    }
    totals.push(total);
    counts.push(size);
  });
  let i = 0;
  totals.forEach((total, block) => {
    for (let n = 0; n < counts[block]; n++, i++) y[layer[i]] = total / counts[block] + offsets[i];
  });
}

function lowered(part: number[], y: number[], height: number[], top: number): number {
  let first = Infinity;
  for (const v of part) first = Math.min(first, y[v] - Math.max(height[v], 0) / 2);
  let end = -Infinity;
  for (const v of part) {
    y[v] += top - first;
    end = Math.max(end, y[v] + Math.max(height[v], 0) / 2);
  }
  return end;
}

function grid(lonely: number[], rank: number[], y: number[], height: number[], top: number, gap: number): void {
  let columns = rank.reduce((most, each) => Math.max(most, each), 0) + 1;
  while (columns * columns * 4 < lonely.length) columns += 1;
  for (let start = 0; start < lonely.length; start += columns) {
    const row = lonely.slice(start, start + columns);
    const tallest = highest(row, height);
    row.forEach((v, column) => {
      rank[v] = column;
      y[v] = top + tallest / 2;
    });
    top += tallest + gap;
  }
}

function measured(edges: readonly Pair[], graph: Graph, y: number[], sizes: readonly Pair[], gaps: Pair): Layout {
  const { rank, chains } = graph;
  const widths: number[] = [];
  for (const each of rank) while (widths.length <= each) widths.push(0);
  sizes.forEach((size, v) => (widths[rank[v]] = Math.max(widths[rank[v]], size[0])));
  const starts: number[] = [];
  let right = 0;
  for (const width of widths) {
    starts.push(right);
    right += width + gaps[0];
  }
  const points = (chain: number[]): Pair[] =>
    chain.flatMap((v): Pair[] => [
      [starts[rank[v]], y[v]],
      [starts[rank[v]] + widths[rank[v]], y[v]],
    ]);
  const bends = edges.map(([a, b]) => {
    const chain = chains.get(`${a} ${b}`);
    return chain ? points(chain) : points(chains.get(`${b} ${a}`) ?? []).reverse();
  });
  let bottom = sizes.length ? -Infinity : 0;
  y.forEach((each, v) => (bottom = Math.max(bottom, v < sizes.length ? each + sizes[v][1] / 2 : each)));
  return {
    x: sizes.map((_, v) => starts[rank[v]] + widths[rank[v]] / 2),
    y: y.slice(0, sizes.length),
    bends,
    layers: widths.length,
    width: widths.length ? right - gaps[0] : 0,
    height: bottom,
    straight: graph.straight,
  };
}

function lowest(nodes: number[], of: number[]): number {
  return nodes.reduce((least, v) => Math.min(least, of[v]), Infinity);
}

function highest(nodes: number[], of: number[]): number {
  return nodes.reduce((most, v) => Math.max(most, of[v]), -Infinity);
}

function copy(layers: Lists): Lists {
  return layers.map((each) => [...each]);
}

function enumerate(layer: number[], position: number[]): void {
  layer.forEach((v, i) => (position[v] = i));
}

function lists(count: number, pairs: readonly Pair[]): Lists {
  const found: Lists = Array.from({ length: count }, () => []);
  for (const [a, b] of pairs) found[a].push(b);
  return found;
}
