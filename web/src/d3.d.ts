// What is used of d3-zoom, whose own package of types brings four more.
declare module "d3-zoom" {
  import type { Selection } from "./hands";

  export interface ZoomTransform {
    readonly x: number;
    readonly y: number;
    readonly k: number;
    translate(x: number, y: number): ZoomTransform;
    scale(k: number): ZoomTransform;
  }
  export interface ZoomEvent {
    readonly transform: ZoomTransform;
  }
  export interface ZoomBehavior {
    (selection: Selection): void;
    transform(selection: Selection, transform: ZoomTransform): void;
    scaleBy(selection: Selection, k: number): void;
    scaleExtent(extent: [number, number]): this;
    filter(test: (event: MouseEvent) => boolean): this;
    duration(milliseconds: number): this;
    on(name: "zoom", listener: (event: ZoomEvent) => void): this;
  }
  export const zoomIdentity: ZoomTransform;
  export function zoom(): ZoomBehavior;
}
