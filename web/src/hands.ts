// Stands in for what d3-zoom asks of its other parts: one element, its listeners, one listener of its own, and no
// animation. The libraries themselves would be a third of a page's script.

type Listener = (this: EventTarget, event: Event) => void;
type Kept = { type: string; listener: Listener; options?: AddEventListenerOptions | boolean };

const listeners = new WeakMap<EventTarget, Map<string, Kept>>();

/** An element, or the window, as d3's selections are used; of nothing where a filter left nothing. */
export class Selection {
  constructor(private readonly target: (EventTarget & Record<string, unknown>) | null) {}

  property(name: string, value: (this: EventTarget) => unknown): this {
    if (this.target) this.target[name] = value.call(this.target);
    return this;
  }

  /** Add a listener for each type of event, named as in "wheel.zoom", in place of that of the same name. */
  on(names: string, listener: Listener | null, options?: AddEventListenerOptions | boolean): this;
  /** Ask what listens to a double tap: nothing of d3's. */
  on(names: string): undefined;
  on(names: string, listener?: Listener | null, options?: AddEventListenerOptions | boolean): this | undefined {
    const { target } = this;
    if (listener === undefined) return undefined;
    if (!target) return this;
    const kept = listeners.get(target) ?? new Map<string, Kept>();
    listeners.set(target, kept);
    for (const name of names.split(" ")) {
      const old = kept.get(name);
      if (old) target.removeEventListener(old.type, old.listener, old.options);
      kept.delete(name);
      if (!listener) continue;
      const type = name.split(".")[0];
      target.addEventListener(type, listener, options);
      kept.set(name, { type, listener, options });
    }
    return this;
  }

  filter(test: (this: EventTarget) => unknown): Selection {
    return this.target && test.call(this.target) ? this : new Selection(null);
  }

  style(name: string, value: string): this {
    if (this.target instanceof HTMLElement) this.target.style.setProperty(name, value);
    return this;
  }

  each(visit: (this: EventTarget) => void): this {
    if (this.target) visit.call(this.target);
    return this;
  }

  call<A extends unknown[]>(verb: (selection: Selection, ...rest: A) => void, ...rest: A): this {
    verb(this, ...rest);
    return this;
  }

  /** Nothing moves by itself that could be interrupted, and no data is bound. */
  interrupt(): this {
    return this;
  }

  datum(): undefined {
    return undefined;
  }
}

export function select(target: EventTarget): Selection {
  return new Selection(target as EventTarget & Record<string, unknown>);
}

/** Return where a mouse or a finger is in an element: that of its event, unless another is named. */
export function pointer(at: MouseEvent | Touch, element?: Element): [number, number] {
  const inside = element ?? ((at as MouseEvent).currentTarget as Element);
  const box = inside.getBoundingClientRect();
  return [at.clientX - box.left - inside.clientLeft, at.clientY - box.top - inside.clientTop];
}

/** What tells of gestures: one listener for each type of event. */
class Dispatch {
  private readonly listeners: Record<string, (event: unknown) => void> = {};

  on(type: string, listener: (event: unknown) => void): this {
    this.listeners[type] = listener;
    return this;
  }

  call(type: string, that: unknown, event: unknown): void {
    this.listeners[type]?.call(that, event);
  }
}

export function dispatch(): Dispatch {
  return new Dispatch();
}

const AT_ONCE = { capture: true, passive: false };

function prevent(event: Event): void {
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** While the picture is dragged nothing else is, and no text is selected. */
export function dragDisable(view: Window): void {
  select(view).on("dragstart.drag selectstart.drag", prevent, AT_ONCE);
}

/** A drag that moved something ends with a click, which is none. */
export function dragEnable(view: Window, hasMoved: boolean): void {
  const window = select(view).on("dragstart.drag selectstart.drag", null);
  if (!hasMoved) return;
  window.on("click.drag", prevent, AT_ONCE);
  setTimeout(() => window.on("click.drag", null));
}

export function interrupt(): void {}

export function interpolateZoom(): never {
  throw new Error("nothing is animated here");
}
