// The picture of a scene, in SVG or on a canvas: what both are asked.
import type { Pair } from "./layout";
import type { Line, Scene } from "./scene";

export interface Placed {
  x: number[];
  y: number[];
  bends: Pair[][];
  width: number;
  height: number;
}

/** What of a scene is lit: marks and lines, by their places; nothing is dimmed without it. */
export interface Light {
  marks: ReadonlySet<number>;
  lines: ReadonlySet<Line>;
}

export interface Drawn {
  scene: Scene;
  placed: Placed;
  size: Pair;
  /** Whether the page holds what is in groups. */
  opens: boolean;
  selected: string;
  cursor: string;
  light: Light | null;
  /** What is found by the search, among the marks. */
  hits: ReadonlySet<number>;
}

export interface View {
  x: number;
  y: number;
  k: number;
}

/** What a picture tells of what people do to it. */
export interface Hands {
  /** What names of elements begin with. */
  readonly id: string;
  choose(id: string): void;
  toggle(id: string): void;
  reached(id: string): void;
}

export interface Picture {
  readonly element: HTMLElement | SVGElement;
  draw(drawn: Drawn): void;
  move(view: View): void;
  /** Put the keyboard's focus on a mark. */
  focus(id: string): void;
}
