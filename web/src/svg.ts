// A picture in SVG: every mark a named button. Marks keep their elements, so that they move and do not jump.
import { curve, labelOf, lineStyle, lineTitle, lineWidth, middle, more, outline, PADDING, spoken, way, written } from "./look";
import type { Pair } from "./layout";
import type { Drawn, Hands, Picture, Placed, View } from "./picture";
import { lineText, type Line, type Mark } from "./scene";

const NAMESPACE = "http://www.w3.org/2000/svg";

/** Below this scale texts at lines are not shown, but for what is lit: they would cover one another. */
const FAR = 0.75;

type Attributes = Record<string, string | number>;

function make<T extends keyof SVGElementTagNameMap>(
  tag: T,
  attributes: Attributes = {},
  text = "",
): SVGElementTagNameMap[T] {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text) element.textContent = text;
  return element;
}

export class SvgPicture implements Picture {
  readonly element = make("svg", { class: "picture", role: "group" });
  private readonly root = make("g", { class: "root" });
  private readonly lines = make("g", { class: "lines", "aria-hidden": "true" });
  private readonly marks = make("g", { class: "marks" });
  private readonly known = new Map<string, { element: SVGGElement; look: string }>();

  constructor(private readonly hands: Hands) {
    this.element.append(arrows(hands.id), this.root);
    this.root.append(this.lines, this.marks);
    this.marks.addEventListener("click", (event) => {
      const id = idOf(event);
      if (!id) return;
      if (event.target instanceof Element && event.target.closest(".toggle")) hands.toggle(id);
      else hands.choose(id);
    });
    this.marks.addEventListener("dblclick", (event) => hands.toggle(idOf(event)));
    this.marks.addEventListener("focusin", (event) => hands.reached(idOf(event)));
  }

  draw(drawn: Drawn): void {
    const { marks } = drawn.scene;
    this.element.setAttribute("aria-label", `Lineage, ${more(marks.length)} marks`);
    this.lines.replaceChildren(...drawn.scene.lines.flatMap((line, place) => lineElements(drawn, line, place, this.hands.id)));
    const kept = new Set(marks.map((mark) => mark.id));
    for (const [id, { element }] of this.known) {
      if (kept.has(id)) continue;
      element.remove();
      this.known.delete(id);
    }
    marks.forEach((mark, place) => this.put(drawn, mark, place));
  }

  move({ x, y, k }: View): void {
    this.root.setAttribute("transform", `translate(${x},${y}) scale(${k})`);
    this.root.classList.toggle("is-far", k < FAR);
  }

  /** On paper all of the picture is shown, as large as there is room; on a screen what is in the window. */
  print(placed: Placed | null): void {
    if (!placed) {
      this.element.removeAttribute("viewBox");
      return;
    }
    this.root.removeAttribute("transform");
    this.root.classList.remove("is-far");
    this.element.setAttribute("viewBox", `-20 -20 ${placed.width + 40} ${placed.height + 40}`);
  }

  focus(id: string): void {
    this.known.get(id)?.element.focus({ preventScroll: true });
  }

  private put(drawn: Drawn, mark: Mark, place: number): void {
    const look = JSON.stringify([mark, drawn.size]);
    const had = this.known.get(mark.id);
    const element = had?.element ?? make("g", { role: "button", "data-id": mark.id });
    if (had?.look !== look) {
      element.setAttribute("aria-label", spoken(mark));
      element.replaceChildren(...markElements(mark, drawn));
      this.known.set(mark.id, { element, look });
    }
    const { x, y } = drawn.placed;
    element.style.transform = `translate(${x[place]}px,${y[place]}px)`;
    element.setAttribute("class", markClasses(drawn, mark, place));
    element.setAttribute("tabindex", mark.id === drawn.cursor ? "0" : "-1");
    element.setAttribute("aria-pressed", String(mark.id === drawn.selected));
    // The order of elements is that of reading, and an element that is moved loses the focus.
    const before = this.marks.children[place];
    if (before !== element) this.marks.insertBefore(element, before ?? null);
  }
}

function idOf(event: Event): string {
  const mark = event.target instanceof Element ? event.target.closest(".mark") : null;
  return mark?.getAttribute("data-id") ?? "";
}

export function markClasses(drawn: Drawn, mark: Mark, place: number): string {
  const classes = ["mark", `kind-${mark.kind}`];
  if (mark.state) classes.push(`state-${mark.state}`);
  if (mark.role) classes.push(`role-${mark.role}`);
  if (mark.focus) classes.push("is-focus");
  if (mark.rest) classes.push("is-rest");
  if (mark.id === drawn.selected) classes.push("is-selected");
  if (drawn.light) classes.push(drawn.light.marks.has(place) ? "is-lit" : "is-dim");
  if (drawn.hits.has(place)) classes.push("is-hit");
  return classes.join(" ");
}

function markElements(mark: Mark, { size, opens }: Drawn): SVGElement[] {
  const [width, height] = size;
  const shape = outline(mark.kind, size);
  const [above, label] = written(mark, width);
  const left = PADDING[mark.kind] - width / 2;
  const elements: SVGElement[] = [make("title", {}, titleOf(mark))];
  if (mark.count > 1) {
    elements.push(make("path", { class: "behind", d: shape, transform: "translate(6,6)" }));
    elements.push(make("path", { class: "behind", d: shape, transform: "translate(3,3)" }));
  }
  elements.push(make("path", { class: "shape", d: shape }));
  if (mark.focus) elements.push(make("path", { class: "ring", d: outline(mark.kind, [width + 10, height + 10]) }));
  elements.push(make("text", { class: "what", x: left, y: -4 }, above), make("text", { class: "label", x: left, y: 12 }, label));
  if (mark.count > 1 && !mark.rest) elements.push(...badge(`×${more(mark.count)}`, width / 2 - 6, -height / 2, "count"));
  if (mark.badge) elements.push(...badge(mark.badge, 8 - width / 2, -height / 2, "badge"));
  if (opens && (mark.count > 1 || mark.group)) elements.push(toggle(mark, size));
  if (mark.continues) elements.push(make("text", { class: "continues", x: width / 2 + 7, y: 5 }, "▸"));
  if (mark.cycle) elements.push(make("text", { class: "cycle", x: width / 2 - 42, y: height / 2 + 5 }, "⟳"));
  return elements;
}

function titleOf(mark: Mark): string {
  const lines = mark.title.length ? [...mark.title] : [labelOf(mark), mark.type];
  if (mark.count > 1) lines.push(`${more(mark.count)} nodes`);
  if (mark.continues) lines.push("leads further than this answer");
  return lines.join("\n");
}

function badge(text: string, x: number, y: number, name: string): SVGElement[] {
  const width = 10 + 7 * text.length;
  return [
    make("rect", { class: `plate ${name}`, x: x - width / 2, y: y - 9, width, height: 17, rx: 8 }),
    make("text", { class: `plate-text ${name}`, x, y: y + 4 }, text),
  ];
}

/** The sign that opens a group or closes it again. */
function toggle(mark: Mark, [width, height]: Pair): SVGElement {
  const element = make("g", { class: "toggle", transform: `translate(${width / 2 - 14},${height / 2})` });
  element.append(make("circle", { r: 8 }), make("path", { d: mark.count > 1 ? "M-4,0H4M0,-4V4" : "M-4,0H4" }));
  return element;
}

function lineElements(drawn: Drawn, line: Line, place: number, id: string): SVGElement[] {
  const { placed, scene, light } = drawn;
  const points = way(line, placed.x, placed.y, placed.bends[place] ?? [], drawn.size);
  const dim = light ? (light.lines.has(line) ? " is-lit" : " is-dim") : "";
  const style = lineStyle(line);
  const path = make("path", { class: `line ${style}${dim}`, d: curve(points), "stroke-width": lineWidth(line) });
  if (style !== "holds") path.setAttribute("marker-end", `url(#${id}-${dim === " is-lit" ? "lit-arrow" : "arrow"})`);
  path.append(make("title", {}, lineTitle(line, scene.marks)));
  const text = lineText(line);
  if (!text || style === "holds") return [path];
  const [x, y] = middle(points);
  return [path, make("text", { class: `line-text${dim}`, x, y: y - 3 }, text)];
}

function arrows(id: string): SVGElement {
  const definitions = make("defs");
  for (const name of ["arrow", "lit-arrow"]) {
    const marker = make("marker", {
      id: `${id}-${name}`,
      viewBox: "0 0 8 8",
      refX: 7,
      refY: 4,
      markerWidth: 10,
      markerHeight: 10,
      markerUnits: "userSpaceOnUse",
      orient: "auto-start-reverse",
    });
    marker.append(make("path", { class: name, d: "M0,0.5L8,4L0,7.5Z" }));
    definitions.append(marker);
  }
  return definitions;
}
