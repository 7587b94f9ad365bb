// What keys do, but in a field for text.
import type { App } from "./app";

/** Listen to keys while the focus is in the element, or wherever it is in a document that is for it alone. */
export function listen(app: App, element: HTMLElement, isAlone = false): void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { target } = event;
    if (event.key === "Escape") {
      escape(app, element);
      return;
    }
    if (target instanceof Element && target.matches("input:not([type=checkbox]),textarea,select")) return;
    const isButton = target instanceof HTMLElement && target.closest("button,summary,input") !== null;
    const action = actions(app, element, isButton)[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };
  const { signal } = app;
  if (isAlone) document.addEventListener("keydown", onKey, { signal });
  else element.addEventListener("keydown", onKey, { signal });
}

function escape(app: App, element: HTMLElement): void {
  const inside = element.querySelector(".beside,.search")?.contains(document.activeElement);
  for (const menu of element.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) menu.open = false;
  app.escape();
  if (inside || document.activeElement === document.body) app.picture.focus(app.cursor);
}

/** A button takes Enter and the space bar itself. */
function actions(app: App, element: HTMLElement, isButton: boolean): Record<string, () => void> {
  const at = app.mark(app.cursor);
  const steps = {
    ArrowLeft: () => app.step(-1, 0),
    ArrowRight: () => app.step(1, 0),
    ArrowUp: () => app.step(0, -1),
    ArrowDown: () => app.step(0, 1),
  };
  const enter = { Enter: () => details(app, element), " ": () => app.choose(app.cursor) };
  return {
    "/": () => element.querySelector<HTMLElement>(".search input")?.focus(),
    e: () => at && app.open(at, 100),
    c: () => at?.group && app.close(at),
    u: () => app.light("up", app.cursor),
    d: () => app.light("down", app.cursor),
    b: () => app.light("both", app.cursor),
    p: () => app.beginPath(),
    z: () => app.undo(),
    y: () => app.redo(),
    f: () => app.fit(),
    "+": () => app.scaleBy(1.3),
    "-": () => app.scaleBy(1 / 1.3),
    o: () => app.toggleOutline(),
    "?": () => app.toggleHelp(),
    ...steps,
    ...(isButton ? {} : enter),
  };
}

/** Choose the mark under the keyboard's focus, and go to its details. */
function details(app: App, element: HTMLElement): void {
  app.choose(app.cursor);
  element.querySelector<HTMLElement>(".details h2")?.focus();
}
