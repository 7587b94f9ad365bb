// Where a page's lineage comes from: `Source` is what `mount` asks; here it is what the page itself holds.

/** Nodes by column, in the order of the answer: nearest first. */
export interface Nodes {
  /** One letter a node: a(rtifact), e(xecution), c(ontext). */
  kind: string;
  id: number[];
  type: number[];
  label: string[];
  name: string[];
  uri: string[];
  external: string[];
  /** The state in words; empty where there is nothing to say. */
  state: string[];
  /** Times in milliseconds since 1970. */
  created: number[];
  updated: number[];
  since: number[];
  alias: string[][];
  /** Names, by their place in `properties`, and values by turns. */
  properties: (number | string)[][];
}

/** Edges by column, along the flow of data; a kind is the number of an `EdgeKind`. */
export interface Edges {
  source: number[];
  target: number[];
  kind: number[];
}

/** What is one mark while it is closed: a node, or a group of nodes. */
export interface Unit {
  id: string;
  kind: string;
  type: string;
  label: string;
  count: number;
  /** Places of its nodes, nearest first; fewer than `count` in a page that does not hold all. */
  nodes: number[];
  rule: string;
  state: string;
  focus: boolean;
  continues: boolean;
  title: string[];
  badge: string;
  role: string;
  /** Whether it is on a cycle that only the groups make. */
  cycle: boolean;
  /** Of a group of groups what it opens as, in order: groups, and nodes by their places. */
  parts?: (Unit | number)[];
  /** Of a group of groups in a page that does not hold all: how many it opens as. */
  size?: number;
  /** In a page that does not hold all: the group that is open and that it is from. */
  within?: string;
}

/** An edge between two units, by their places, as the server counted it. */
export interface Link {
  source: number;
  target: number;
  count: number;
  kinds: number[];
  sources: number;
  ofSources: number;
  targets: number;
  ofTargets: number;
  label: string;
}

export interface Page {
  /** What the picture is of, for people. */
  title: string;
  /** The transaction that the answer is as of. */
  number: number;
  total: number;
  /** Whether nodes and edges are all here, so that groups can be opened. */
  whole: boolean;
  notes: string[];
  types: string[];
  properties: string[];
  /** Short texts at the corners of nodes, by place: ranks, say. */
  badges: Record<number, string>;
  /** Nodes, by place, that lead further than the answer, which a limit cut. */
  ends: number[];
  nodes: Nodes;
  edges: Edges;
  units: Unit[];
  links: Link[];
  /** How many members are shown of each group that is open at first. */
  opened: [string, number][];
  /** In a page that does not hold all: the groups that are open inside others, and in which. */
  inner: Record<string, string>;
  /** Other members that are shown, by key. */
  pinned: string[];
  /** The size of a mark, and the gaps between two layers and between two marks of one. */
  size: [number, number];
  gaps: [number, number];
  /** Where the marks of the first picture stand, and the points that its lines pass. */
  x: number[];
  y: number[];
  bends: [number, number][][];
}

export interface Details {
  properties: [string, string][];
}

export interface Source {
  /** Whether it has pages with groups open that hold too much to open them by themselves. */
  readonly opens: boolean;
  /** Return the page; where it `opens`, with these groups open, one after another. */
  page(open?: readonly string[]): Promise<Page>;
  details(page: Page, node: number): Promise<Details>;
  /** Return what else is to be read of a node, by its key: texts and addresses. */
  links?(key: string): [string, string][];
}

/** What a page holds in an element: JSON, deflated, in base 64. */
export class Embedded implements Source {
  readonly opens = false;

  constructor(private readonly text: string) {}

  async page(): Promise<Page> {
    const bytes = Uint8Array.from(atob(this.text.trim()), (each) => each.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return unpacked((await new Response(stream).json()) as Page);
  }

  async details(page: Page, node: number): Promise<Details> {
    const flat = page.nodes.properties[node] ?? [];
    const properties: [string, string][] = [];
    for (let i = 0; i < flat.length; i += 2) {
      properties.push([page.properties[flat[i] as number], String(flat[i + 1])]);
    }
    return { properties };
  }
}

/** Undo that columns of a page hold differences to the value before. */
export function unpacked(page: Page): Page {
  for (const column of [page.nodes.id, page.nodes.created, page.nodes.updated, page.edges.source]) {
    for (let i = 1; i < column.length; i++) column[i] += column[i - 1];
  }
  return page;
}
