// The graph of a page: what leads where, from node to node, and what can be found by a text.
import type { Page, Unit } from "./source";

/** Kinds of edge up to this one are events, over which data flows; the others say what a context holds. */
export const LAST_EVENT = 7;

export const KINDS: Record<string, string> = { a: "artifact", e: "execution", c: "context" };

export class Graph {
  readonly count: number;
  private readonly after: Uint32Array[];
  private readonly before: Uint32Array[];
  private readonly inside: Uint32Array[];
  private readonly shown: Uint8Array;
  /** How many nodes are in no unit. */
  readonly hidden: number;
  /** The nodes that lead further than the answer, which a limit cut. */
  readonly ends: ReadonlySet<number>;
  private readonly places = new Map<string, number>();
  /** The units by id, those inside others among them. */
  readonly units = new Map<string, Unit>();
  private texts: string[] | null = null;

  constructor(readonly page: Page) {
    this.count = page.nodes.id.length;
    this.ends = new Set(page.ends);
    const { source, target, kind } = page.edges;
    const flows = kind.map((each) => each <= LAST_EVENT);
    this.after = listed(this.count, source, target, flows);
    this.before = listed(this.count, target, source, flows);
    const holds = flows.map((each) => !each);
    this.inside = listed(this.count, source, target, holds);
    this.shown = new Uint8Array(this.count);
    for (const unit of page.units) for (const node of unit.nodes) this.shown[node] = 1;
    this.hidden = this.count - this.shown.reduce((sum, each) => sum + each, 0);
    for (let node = 0; node < this.count; node++) this.places.set(this.key(node), node);
    const keep = (unit: Unit | number): void => {
      if (typeof unit === "number") return;
      this.units.set(unit.id, unit);
      unit.parts?.forEach(keep);
    };
    page.units.forEach(keep);
  }

  key(node: number): string {
    return `${KINDS[this.page.nodes.kind[node]]}:${this.page.nodes.id[node]}`;
  }

  /** Return the node of a key; undefined where it is not in the page. */
  node(key: string): number | undefined {
    return this.places.get(key);
  }

  /** How many nodes a node stands for: one, but in a page that does not hold all. */
  weight(node: number): number {
    return this.page.whole ? 1 : this.page.units[node].count;
  }

  type(node: number): string {
    return this.page.types[this.page.nodes.type[node]];
  }

  /** Whether nodes of a mark are contexts, which no data flows through; what a run holds only looks like one. */
  areContexts(nodes: number[]): boolean {
    return this.page.nodes.kind[nodes[0]] === "c";
  }

  /** Whether a node is in a unit; what a view of artifacts, say, does not show is only passed over. */
  isShown(node: number): boolean {
    return this.shown[node] === 1;
  }

  /** Return where data flows from a node. */
  next(node: number): Uint32Array {
    return this.after[node];
  }

  /** Return how many edges each node is away from the starts, along the data or against it; -1 where no way leads. */
  reach(starts: Iterable<number>, forward: boolean): Int32Array {
    return this.walk(starts, forward ? this.after : this.before);
  }

  /** Return how deep inside contexts each node is; -1 where it is in none of them. */
  depths(contexts: Iterable<number>): Int32Array {
    return this.walk(contexts, this.inside);
  }

  private walk(starts: Iterable<number>, near: Uint32Array[]): Int32Array {
    const away = new Int32Array(this.count).fill(-1);
    const queue: number[] = [];
    for (const start of starts) {
      away[start] = 0;
      queue.push(start);
    }
    for (let i = 0; i < queue.length; i++) {
      for (const next of near[queue[i]]) {
        if (away[next] < 0) {
          away[next] = away[queue[i]] + 1;
          queue.push(next);
        }
      }
    }
    return away;
  }

  /** Return the nodes on ways from some nodes to others, along the data; empty where there is no way. */
  between(starts: number[], ends: number[]): number[] {
    const from = this.reach(starts, true);
    const to = this.reach(ends, false);
    const found: number[] = [];
    for (let node = 0; node < this.count; node++) {
      if (from[node] >= 0 && to[node] >= 0) found.push(node);
    }
    return found.sort((a, b) => from[a] - from[b] || a - b);
  }

  /** Return the nodes whose name, URI, type, alias or key has all words of a text; best first. */
  search(text: string): number[] {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const texts = (this.texts ??= this.searched());
    const hits: number[] = [];
    for (let node = 0; node < this.count; node++) {
      if (words.every((word) => texts[node].includes(word))) hits.push(node);
    }
    const whole = words.join(" ");
    const rank = (node: number): number => {
      const label = this.page.nodes.label[node].toLowerCase();
      if (label === whole || this.key(node) === whole) return 0;
      return label.startsWith(whole) ? 1 : label.includes(whole) ? 2 : 3;
    };
    return hits.sort((a, b) => rank(a) - rank(b) || a - b);
  }

  /** Return each type with its kind and how many nodes there are, the most first. */
  types(): { type: string; kind: string; count: number }[] {
    const found = new Map<string, { type: string; kind: string; count: number }>();
    for (let node = 0; node < this.count; node++) {
      const type = this.type(node);
      const entry = found.get(type) ?? { type, kind: this.page.nodes.kind[node], count: 0 };
      entry.count++;
      found.set(type, entry);
    }
    return [...found.values()].sort((a, b) => b.count - a.count);
  }

  states(): { state: string; count: number }[] {
    const found = new Map<string, number>();
    for (const state of this.page.nodes.state) found.set(state, (found.get(state) ?? 0) + 1);
    return [...found].map(([state, count]) => ({ state, count }));
  }

  private searched(): string[] {
    const { name, label, uri, external, alias } = this.page.nodes;
    return Array.from({ length: this.count }, (_, node) =>
      [name[node], label[node], uri[node], external[node], this.type(node), this.key(node), ...alias[node]]
        .join("\n")
        .toLowerCase(),
    );
  }
}

function listed(count: number, from: number[], to: number[], flows: boolean[]): Uint32Array[] {
  const sizes = new Uint32Array(count);
  for (let i = 0; i < from.length; i++) if (flows[i]) sizes[from[i]]++;
  const lists = Array.from(sizes, (size) => new Uint32Array(size));
  sizes.fill(0);
  for (let i = 0; i < from.length; i++) if (flows[i]) lists[from[i]][sizes[from[i]]++] = to[i];
  return lists;
}
