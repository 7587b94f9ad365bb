// What a reader has made of a page: which groups are open, what is chosen, lit and left out; as a link, too.

import type { Graph } from "./graph";
import type { Unit } from "./source";

export type Way = "" | "up" | "down" | "both" | "path" | "holds";

export interface State {
  /** How many members are shown of each group that is open. */
  readonly open: ReadonlyMap<string, number>;
  /** Nodes, by key, that are shown although their group is closed. */
  readonly pins: ReadonlySet<string>;
  /** The mark whose details are shown; empty for none. */
  readonly selected: string;
  readonly way: Way;
  /** Where the lit way begins, and of a path where it ends. */
  readonly from: string;
  readonly to: string;
  /** Types and states that are left out of the picture. */
  readonly types: ReadonlySet<string>;
  readonly states: ReadonlySet<string>;
}

export const FIRST: State = {
  open: new Map(),
  pins: new Set(),
  selected: "",
  way: "",
  from: "",
  to: "",
  types: new Set(),
  states: new Set(),
};

const WAYS: readonly string[] = ["up", "down", "both", "path", "holds"];

/** Return a state as the fragment of a link; never empty, which would be the picture that a page begins with. */
export function written(state: State): string {
  const words = new URLSearchParams();
  for (const [id, shown] of state.open) words.append("open", `${shown}*${id}`);
  for (const key of state.pins) words.append("pin", key);
  if (state.way) words.set("light", state.way);
  if (state.way) words.set("from", state.from);
  if (state.to) words.set("to", state.to);
  for (const type of state.types) words.append("without", type);
  for (const each of state.states) words.append("without-state", each);
  if (state.selected || !words.size) words.set("at", state.selected);
  return words.toString();
}

/** Read a link's fragment, whoever wrote it; what makes no sense is passed over. */
export function read(fragment: string): State {
  const words = new URLSearchParams(fragment.replace(/^#/, ""));
  const open = new Map<string, number>();
  for (const each of words.getAll("open")) {
    const found = /^(\d{1,9})\*(.+)$/s.exec(each);
    if (found && Number(found[1]) > 0) open.set(found[2], Number(found[1]));
  }
  const light = words.get("light") ?? "";
  const way = (WAYS.includes(light) && words.get("from") ? light : "") as Way;
  return {
    open,
    pins: new Set(words.getAll("pin")),
    selected: words.get("at") ?? "",
    way,
    from: way ? (words.get("from") ?? "") : "",
    to: way === "path" ? (words.get("to") ?? "") : "",
    types: new Set(words.getAll("without")),
    states: new Set(words.getAll("without-state")),
  };
}

/** Return a state of one page for another, such as of another moment, in which groups have other names. */
export function carried(state: State, old: Graph, now: Graph): State {
  const other = (id: string): string => {
    if (now.units.has(id) || now.node(id) !== undefined) return id;
    const unit = old.units.get(id);
    const keys = new Set(unit?.nodes.map((node) => old.key(node)));
    const isOther = (each: Unit): boolean =>
      each.type === unit?.type &&
      each.count > 1 &&
      !each.parts === !unit.parts &&
      each.nodes.some((node) => keys.has(now.key(node)));
    return [...now.units.values()].find(isOther)?.id ?? "";
  };
  const open = [...state.open].map(([id, shown]): [string, number] => [other(id), shown]).filter(([id]) => id);
  const pins = new Set([...state.pins].map(other));
  const [selected, from, to] = [other(state.selected), other(state.from), other(state.to)];
  // What is chosen is seen, in whatever group it is at this moment.
  if (now.node(selected) !== undefined && !now.units.has(selected)) pins.add(selected);
  pins.delete("");
  const isLit = from && (to || state.way !== "path");
  return {
    ...state,
    open: now.page.whole ? new Map(open) : new Map(now.page.opened),
    pins,
    selected,
    ...(isLit ? { from, to } : { way: "", from: "", to: "" }),
  };
}

/** States one after another, of which one is now. */
export class History {
  constructor(
    public now: State,
    private past: State[] = [],
    private future: State[] = [],
  ) {}

  /** Return the same steps of other states. */
  map(change: (state: State) => State): History {
    return new History(change(this.now), this.past.map(change), this.future.map(change));
  }

  /** Go on to a state; one that only selects otherwise is not a step of its own. */
  push(next: State): void {
    if (written({ ...next, selected: "" }) !== written({ ...this.now, selected: "" })) {
      this.past.push(this.now);
      this.future = [];
    }
    this.now = next;
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  undo(): boolean {
    return this.step(this.past, this.future);
  }

  redo(): boolean {
    return this.step(this.future, this.past);
  }

  private step(from: State[], to: State[]): boolean {
    const next = from.pop();
    if (!next) return false;
    to.push(this.now);
    this.now = next;
    return true;
  }
}
