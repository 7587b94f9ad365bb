// How marks and lines look and what they are called, wherever they are drawn.
import type { Pair } from "./layout";
import { KINDS } from "./graph";
import { isEvery, isHolding, lineText, type Line, type Mark } from "./scene";

/** The fonts of a mark's two lines. */
export const FONTS = { label: "600 13px system-ui, sans-serif", above: "11px system-ui, sans-serif" };

const measure = document.createElement("canvas").getContext("2d");

/** The kinds of edge by number, those that go without saying left out. */
const EDGES = ["", "declared output", "declared input", "", "", "internal input", "internal output", "pending output"];

/** What stands before a state, so that colour is not all that tells. */
const SIGNS: Record<string, string> = { failed: "✕", gone: "⊘", purged: "⊘", canceled: "⊘", running: "…" };

const WORDS: Record<string, string> = {
  gone: "deleted; its history is kept",
  purged: "purged; its content is erased, for good",
  failed: "failed",
};

const ROLES: Record<string, string> = {
  affected: "affected",
  deployed: "★ deployed",
  left: "− left only",
  right: "+ right only",
  both: "on both sides",
  divergence: "≠ first difference",
  path: "on the path",
  new: "* new",
  changed: "Δ changed",
  ended: "† ended",
};

/** Return a type's name without the names before its last dot. */
export function shortType(type: string): string {
  return type.slice(type.lastIndexOf(".") + 1) || type;
}

export const more = (count: number): string => count.toLocaleString("en");

/** Cut a text to what there is room for, in a font. */
function fitted(text: string, font: string, room: number): string {
  if (!measure) return text;
  measure.font = font;
  const letters = [...text.slice(0, 200)];
  if (measure.measureText(text.slice(0, 200)).width <= room && text.length <= 200) return text;
  let [least, most] = [0, letters.length];
  while (least < most) {
    const half = Math.ceil((least + most) / 2);
    const isShort = measure.measureText(`${letters.slice(0, half).join("")}…`).width <= room;
    [least, most] = isShort ? [half, most] : [least, half - 1];
  }
  return `${letters.slice(0, least).join("")}…`;
}

/** Cut a name before its number or its first alias, by which people know it, unless these take most of the room. */
function fittedName(label: string, room: number): string {
  const end = / (?:#\d+|@.+)$/.exec(label)?.[0] ?? "";
  const left = room - widthOf(end, FONTS.label);
  if (!end || left < room / 3) return fitted(label, FONTS.label, room);
  return fitted(label.slice(0, -end.length), FONTS.label, left) + end;
}

function widthOf(text: string, font: string): number {
  if (!measure) return 0;
  measure.font = font;
  return measure.measureText(text).width;
}

export function labelOf(mark: Mark): string {
  return mark.label || mark.type || mark.id;
}

/** How much lower lines against the data begin and end. */
const BACK = 8;

/** The room beside a mark's lines, by kind. */
export const PADDING: Record<string, number> = { a: 16, e: 10, c: 10 };

/** Return the two lines that are written into a mark: what it is, or what a group holds, and what people call it. */
export function written(mark: Mark, width: number): [string, string] {
  const said = [mark.count > 1 ? mark.title.slice(2).join(", ") : shortType(mark.type)];
  // Of a group its names are cut first, of a context its type is what comes first.
  if (mark.held) said.splice(mark.count > 1 ? 0 : 1, 0, `holds ${more(mark.held)} marks`);
  if (mark.state) said.unshift(`${SIGNS[mark.state] ?? ""} ${mark.state}`.trim());
  if (ROLES[mark.role]) said.unshift(ROLES[mark.role]);
  const room = width - 2 * PADDING[mark.kind];
  return [fitted(said.filter(Boolean).join(" · "), FONTS.above, room), fittedName(labelOf(mark), room)];
}

export function stateWords(state: string): string {
  return WORDS[state] ?? state;
}

/** Return a mark's whole name for those who hear it. */
export function spoken(mark: Mark): string {
  const parts = [labelOf(mark)];
  if (mark.count > 1) parts.push(`group of ${more(mark.count)}`);
  parts.push(`${shortType(mark.type)}, ${KINDS[mark.kind]}`);
  if (mark.state) parts.push(stateWords(mark.state));
  if (ROLES[mark.role]) parts.push(ROLES[mark.role]);
  if (mark.held) parts.push(`holds ${more(mark.held)} marks`);
  if (mark.focus) parts.push("in focus");
  if (mark.continues) parts.push("leads further than this answer");
  return parts.join(", ");
}

/** Return the outline that tells a kind, around a centre. */
export function outline(kind: string, [width, height]: Pair): string {
  const [w, h] = [width / 2, height / 2];
  if (kind === "a") {
    const r = h - 2;
    return `M${r - w},${-h}H${w - r}A${r},${h} 0 0 1 ${w - r},${h}H${r - w}A${r},${h} 0 0 1 ${r - w},${-h}Z`;
  }
  if (kind === "c") {
    const tab = 40 - w;
    return `M${-w},${h}V${-h}H${tab}l5,5H${w}V${h}Z`;
  }
  return `M${-w},${-h}H${w}V${h}H${-w}Z`;
}

/** Return the way of a line from the right side of its source to the left of its target. */
export function way(line: Line, x: number[], y: number[], bends: Pair[], size: Pair): Pair[] {
  const forward = x[line.source] < x[line.target];
  const side = forward ? size[0] / 2 : -size[0] / 2;
  // Of two lines there and back neither hides the other.
  const down = forward ? 0 : BACK;
  return [[x[line.source] + side, y[line.source] + down], ...bends, [x[line.target] - side, y[line.target] + down]];
}

/** Return the points that a curve passes as a path: level where it meets a layer, curved between layers. */
export function curve(points: Pair[]): string {
  let path = `M${points[0][0]},${points[0][1]}`;
  for (let i = 1; i < points.length; i++) {
    const [[x0, y0], [x1, y1]] = [points[i - 1], points[i]];
    const middle = (x0 + x1) / 2;
    path += y0 === y1 ? `L${x1},${y1}` : `C${middle},${y0} ${middle},${y1} ${x1},${y1}`;
  }
  return path;
}

/** Where a line's text stands: in the middle of its longest piece between layers. */
export function middle(points: Pair[]): Pair {
  const i = Math.floor(points.length / 2);
  return [(points[i - 1][0] + points[i][0]) / 2, (points[i - 1][1] + points[i][1]) / 2];
}

/** What kinds of line there are to see: whole, of some members, of a context, over what is left out. */
export function lineStyle(line: Line): string {
  if (line.via) return "via";
  if (isHolding(line)) return "holds";
  return isEvery(line) ? "every" : "some";
}

export function lineWidth(line: Line): number {
  return 1.25 + Math.min(1.75, Math.log10(Math.max(1, line.count)) * 0.6);
}

export function lineTitle(line: Line, marks: Mark[]): string {
  const [from, to] = [labelOf(marks[line.source]), labelOf(marks[line.target])];
  if (line.via) return `${from} leads to ${to} over what is left out`;
  const said = lineText(line);
  const edges = `${more(line.count)} ${line.count === 1 ? "edge" : "edges"}`;
  const kinds = line.kinds.map((kind) => EDGES[kind]).filter(Boolean);
  return `${from} → ${to}: ${[edges, said, ...kinds].filter(Boolean).join(", ")}`;
}
