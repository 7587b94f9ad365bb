// What is used of d3, whose own packages of types bring five more.
declare module "d3-zoom" {
  export interface ZoomTransform {
    readonly x: number;
    readonly y: number;
    readonly k: number;
    translate(x: number, y: number): ZoomTransform;
    scale(k: number): ZoomTransform;
  }
  export interface ZoomEvent {
    readonly transform: ZoomTransform;
    readonly sourceEvent: Event | null;
  }
  export interface ZoomBehavior {
    (selection: import("d3-selection").Selection): void;
    transform(selection: import("d3-selection").Selection, transform: ZoomTransform): void;
    scaleBy(selection: import("d3-selection").Selection, k: number): void;
    scaleExtent(extent: [number, number]): this;
    duration(milliseconds: number): this;
    filter(test: (event: MouseEvent) => boolean): this;
    on(name: "zoom" | "end" | "start", listener: (event: ZoomEvent) => void): this;
  }
  export const zoomIdentity: ZoomTransform;
  export function zoom(): ZoomBehavior;
  export function zoomTransform(element: Element): ZoomTransform;
}

declare module "d3-selection" {
  export interface Selection {
    call<A extends unknown[]>(verb: (selection: Selection, ...rest: A) => void, ...rest: A): this;
    on(name: string, listener: null): this;
  }
  export const selection: { prototype: Selection & { interrupt?: () => Selection } };
  export function select(element: Element): Selection;
}
