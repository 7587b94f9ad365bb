// Where a picture stands in its window, and how large it is drawn.
import { zoom, zoomIdentity, type ZoomBehavior } from "d3-zoom";
import { select } from "./hands";
import type { Pair } from "./layout";
import type { Placed, View } from "./picture";

/** The scale below which nobody reads a label: the first picture is not made smaller to show all of it. */
const READABLE = 0.6;
const MARGIN = 32;

export class Camera {
  view: View = { x: 0, y: 0, k: 1 };
  private height = 0;
  private readonly zoom: ZoomBehavior;
  private readonly observer = new ResizeObserver(() => this.resized());

  constructor(
    private readonly stage: HTMLElement,
    onMove: (view: View) => void,
    isAlone = false,
  ) {
    // Where there is more on the page, the wheel scrolls that until somebody is at work in the picture.
    const isOurs = ({ type, ctrlKey, button }: MouseEvent): boolean =>
      type === "wheel" ? isAlone || ctrlKey || stage.contains(document.activeElement) : !ctrlKey && !button;
    this.zoom = zoom()
      .filter(isOurs)
      .scaleExtent([0.002, 4])
      .duration(0)
      .on("zoom", (event) => onMove((this.view = event.transform)));
    const stageOf = select(stage);
    stageOf.call(this.zoom);
    stageOf.on("dblclick.zoom", null);
    this.observer.observe(stage);
  }

  stop(): void {
    this.observer.disconnect();
  }

  private moveTo({ x, y, k }: View): void {
    this.zoom.transform(select(this.stage), zoomIdentity.translate(x, y).scale(k));
  }

  moveBy(dx: number, dy: number): void {
    const { x, y, k } = this.view;
    this.moveTo({ x: x + dx, y: y + dy, k });
  }

  scaleBy(factor: number): void {
    this.zoom.scaleBy(select(this.stage), factor);
  }

  /** Return where a point of the picture is in the window. */
  position([left, top]: Pair): Pair {
    const { x, y, k } = this.view;
    return [left * k + x, top * k + y];
  }

  /** Whether a point of the picture is in the window. */
  sees(point: Pair): boolean {
    const { clientWidth, clientHeight } = this.stage;
    const [x, y] = this.position(point);
    return x > 0 && y > 0 && x < clientWidth && y < clientHeight;
  }

  /** Keep the middle of the picture in the middle when a table below it opens or closes. */
  private resized(): void {
    const { clientHeight } = this.stage;
    const higher = clientHeight - this.height;
    this.height = clientHeight;
    if (higher && higher !== clientHeight) this.moveBy(0, higher / 2);
  }

  /** Show all of a picture, in the middle of the window. */
  fit({ width, height }: Placed, smallest = 0): void {
    const { clientWidth, clientHeight } = this.stage;
    const wide = Math.max(clientWidth - 2 * MARGIN, 50) / Math.max(width, 1);
    const high = Math.max(clientHeight - 2 * MARGIN, 50) / Math.max(height, 1);
    const k = Math.max(Math.min(wide, high, 1.25), smallest);
    this.moveTo({ x: (clientWidth - width * k) / 2, y: (clientHeight - height * k) / 2, k });
  }

  /** Show all of a picture where that can be read, else what is around a point of it. */
  settle(placed: Placed, point?: Pair): void {
    this.height = this.stage.clientHeight;
    this.fit(placed, READABLE);
    if (!point) return;
    const { clientWidth, clientHeight } = this.stage;
    const { x, y, k } = this.view;
    const [left, top] = this.position(point);
    const width = placed.width * k;
    const height = placed.height * k;
    this.moveTo({
      x: width > clientWidth ? clamp(x + clientWidth / 2 - left, clientWidth - MARGIN - width, MARGIN) : x,
      y: height > clientHeight ? clamp(y + clientHeight / 2 - top, clientHeight - MARGIN - height, MARGIN) : y,
      k,
    });
  }

  /** Move just so far that a point of the picture is seen, and what is around it of this size. */
  bring(point: Pair, size: Pair): void {
    const { clientWidth, clientHeight } = this.stage;
    const [x, y] = this.position(point);
    const [w, h] = [(size[0] / 2) * this.view.k + MARGIN, size[1] * this.view.k + MARGIN];
    const dx = clamp(x, w, Math.max(w, clientWidth - w)) - x;
    const dy = clamp(y, h, Math.max(h, clientHeight - h)) - y;
    if (dx || dy) this.moveBy(dx, dy);
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
