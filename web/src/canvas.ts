// A picture on a canvas, for more marks than SVG carries; the outline beside it says the same in words.
import { curve, FONTS, lineStyle, lineWidth, more, outline, PADDING, way, written } from "./look";
import type { Drawn, Hands, Picture, View } from "./picture";
import type { Mark } from "./scene";
import { lineText } from "./scene";

/** Below this scale labels are not drawn: nobody could read them. */
const READABLE = 0.35;

/** How many pixels a line is wide at least, however small the picture is. */
const THINNEST = 0.7;

/** The part of the picture that is in the window. */
interface Seen {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export class CanvasPicture implements Picture {
  readonly element = document.createElement("canvas");
  private drawn: Drawn | null = null;
  private view: View = { x: 0, y: 0, k: 1 };
  private waiting = false;
  private colours: Record<string, string> = {};

  constructor(private readonly hands: Hands) {
    this.element.className = "picture";
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "img");
    this.element.addEventListener("click", (event) => {
      const mark = this.at(event);
      if (mark) hands.choose(mark.id);
    });
    this.element.addEventListener("dblclick", (event) => {
      const mark = this.at(event);
      if (mark) hands.toggle(mark.id);
    });
    this.element.addEventListener("focus", () => hands.reached(this.drawn?.cursor ?? ""));
  }

  draw(drawn: Drawn): void {
    this.drawn = drawn;
    const count = more(drawn.scene.marks.length);
    this.element.setAttribute("aria-label", `Lineage, ${count} marks; the outline lists them`);
    this.ask();
  }

  move(view: View): void {
    this.view = view;
    this.ask();
  }

  focus(id: string): void {
    this.element.focus({ preventScroll: true });
    this.hands.reached(id);
  }

  private ask(): void {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  private at(event: MouseEvent): Mark | undefined {
    if (!this.drawn) return undefined;
    const { placed, size, scene } = this.drawn;
    const box = this.element.getBoundingClientRect();
    const x = (event.clientX - box.left - this.view.x) / this.view.k;
    const y = (event.clientY - box.top - this.view.y) / this.view.k;
    return scene.marks.find(
      (_, place) => Math.abs(placed.x[place] - x) <= size[0] / 2 && Math.abs(placed.y[place] - y) <= size[1] / 2,
    );
  }

  private paint(): void {
    const brush = this.element.getContext("2d");
    if (!brush || !this.drawn) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.element;
    this.element.width = clientWidth * ratio;
    this.element.height = clientHeight * ratio;
    const { x, y, k } = this.view;
    brush.setTransform(ratio * k, 0, 0, ratio * k, ratio * x, ratio * y);
    this.colours = coloursOf(this.element);
    const seen = { left: -x / k, top: -y / k, right: (clientWidth - x) / k, bottom: (clientHeight - y) / k };
    this.paintLines(brush, this.drawn, seen);
    this.paintMarks(brush, this.drawn, seen);
  }

  private paintLines(brush: CanvasRenderingContext2D, drawn: Drawn, seen: Seen): void {
    const { placed, light, size } = drawn;
    drawn.scene.lines.forEach((line, place) => {
      const points = way(line, placed.x, placed.y, placed.bends[place] ?? [], size);
      const ys = points.map(([, y]) => y);
      const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
      if (bottom < seen.top || top > seen.bottom) return;
      if (Math.max(points[0][0], points[points.length - 1][0]) < seen.left) return;
      if (Math.min(points[0][0], points[points.length - 1][0]) > seen.right) return;
      const isLit = light?.lines.has(line);
      brush.globalAlpha = light && !isLit ? 0.12 : 0.8;
      brush.strokeStyle = isLit ? this.colours.lit : this.colours.line;
      brush.lineWidth = Math.max(lineWidth(line), THINNEST / this.view.k);
      // A line may be a hundred windows long, and each dash of it costs time.
      const isLong = bottom - top > 4 * (seen.bottom - seen.top);
      brush.setLineDash(lineStyle(line) === "every" || isLong ? [] : [5, 4]);
      brush.stroke(new Path2D(curve(points)));
      const text = this.view.k > READABLE && !isLong ? lineText(line) : "";
      if (!text || lineStyle(line) === "holds") return;
      brush.font = FONTS.above;
      brush.fillStyle = this.colours.muted;
      brush.fillText(text, points[0][0] + 30, points[0][1] - 3);
    });
    brush.setLineDash([]);
  }

  private paintMarks(brush: CanvasRenderingContext2D, drawn: Drawn, seen: Seen): void {
    const { placed, size, scene } = drawn;
    const shapes = new Map(["a", "e", "c"].map((kind) => [kind, new Path2D(outline(kind, size))]));
    scene.marks.forEach((mark, place) => {
      const [x, y] = [placed.x[place], placed.y[place]];
      if (x + size[0] < seen.left || x - size[0] > seen.right) return;
      if (y + size[1] < seen.top || y - size[1] > seen.bottom) return;
      brush.save();
      brush.translate(x, y);
      this.paintMark(brush, drawn, mark, place, shapes.get(mark.kind) as Path2D);
      brush.restore();
    });
  }

  private paintMark(brush: CanvasRenderingContext2D, drawn: Drawn, mark: Mark, place: number, shape: Path2D): void {
    const { light, size } = drawn;
    const isChosen = mark.id === drawn.selected || mark.id === drawn.cursor;
    brush.globalAlpha = light && !light.marks.has(place) ? 0.2 : 1;
    brush.fillStyle = this.colours[mark.state === "gone" || mark.state === "purged" ? "gone" : mark.kind];
    brush.strokeStyle = isChosen || drawn.hits.has(place) ? this.colours.accent : this.colours[`${mark.kind}-edge`];
    if (mark.state === "failed") brush.strokeStyle = this.colours.failed;
    brush.lineWidth = Math.max(isChosen ? 3 : 1.25, THINNEST / this.view.k);
    brush.fill(shape);
    brush.stroke(shape);
    if (this.view.k < READABLE) return;
    const [above, label] = written(mark, size[0]);
    const left = PADDING[mark.kind] - size[0] / 2;
    brush.fillStyle = this.colours.muted;
    brush.font = FONTS.above;
    brush.fillText(above, left, -4);
    brush.fillStyle = this.colours.text;
    brush.font = FONTS.label;
    brush.fillText(label, left, 12);
    if (mark.count > 1 && !mark.rest) brush.fillText(`×${more(mark.count)}`, size[0] / 2 - 24, 2 - size[1] / 2);
    if (mark.continues) brush.fillText("▸", size[0] / 2 + 7, 5);
  }
}

/** The style's colours, which differ between light and dark. */
function coloursOf(element: Element): Record<string, string> {
  const style = getComputedStyle(element);
  const names = ["text", "muted", "line", "lit", "accent", "gone", "failed", "a", "e", "c", "a-edge", "e-edge", "c-edge"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
