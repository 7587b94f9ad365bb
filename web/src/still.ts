// Stands in for d3-transition and d3-interpolate, which d3-zoom asks for: d3 animates nothing here.
// Those libraries, with what they need, would be half of a page's script.
import { selection } from "d3-selection";

// d3-zoom stops what moves before it moves anything; nothing does.
selection.prototype.interrupt = function (): typeof this {
  return this;
};

export function interrupt(): void {}

export function interpolateZoom(): never {
  throw new Error("d3 animates nothing here");
}
