// The bar above the picture: the search, and what can be done with the whole picture.
import type { JSX, TargetedEvent } from "preact";
import type { App } from "./app";
import { KINDS } from "./graph";
import { more } from "./look";

/** How many hits are listed. */
const LISTED = 12;

export function Bar({ app }: { app: App }): JSX.Element {
  return (
    <div class="bar">
      <Search app={app} />
      <div class="tools" role="toolbar" aria-label="Picture">
        <button type="button" disabled={!app.history.canUndo} title="Undo (z)" onClick={() => app.undo()}>
          Undo
        </button>
        <button type="button" disabled={!app.history.canRedo} title="Redo (y)" onClick={() => app.redo()}>
          Redo
        </button>
        <button type="button" title="Show all (f)" onClick={() => app.fit()}>
          Fit
        </button>
        <Groups app={app} />
        <Filters app={app} />
        <button
          type="button"
          aria-pressed={app.isOutlineOpen}
          title="The same as a table (o)"
          onClick={() => app.toggleOutline()}
        >
          Table
        </button>
        <button type="button" aria-pressed={app.isHelpOpen} title="Keys (?)" onClick={() => app.toggleHelp()}>
          ?
        </button>
      </div>
    </div>
  );
}

function Search({ app }: { app: App }): JSX.Element {
  const shown = app.hits.slice(0, LISTED);
  const onKey = (event: TargetedEvent<HTMLInputElement, KeyboardEvent>): void => {
    if (event.key === "Enter" && shown.length) choose(app, shown[0]);
    if (event.key === "ArrowDown") {
      event.preventDefault();
      event.currentTarget.parentElement?.querySelector<HTMLElement>(".hits button")?.focus();
    }
  };
  return (
    <div class="search" role="search" aria-label="In the picture">
      <input
        type="search"
        placeholder="Search name, URI, type, key  ( / )"
        aria-label="Search name, URI, type or key"
        autocomplete="off"
        spellcheck={false}
        value={app.query}
        onInput={(event) => app.search(event.currentTarget.value)}
        onKeyDown={onKey}
      />
      {app.query && (
        <ul class="hits" aria-label="Hits">
          {shown.map((node) => (
            <Hit key={node} app={app} node={node} />
          ))}
          {app.hits.length > LISTED && <li class="note">{more(app.hits.length - LISTED)} more: type more letters</li>}
          {!app.hits.length && <li class="note">Nothing in this page has all of these words.</li>}
        </ul>
      )}
    </div>
  );
}

function Hit({ app, node }: { app: App; node: number }): JSX.Element {
  const { nodes } = app.page;
  const place = app.scene.markOf[node];
  const group = place >= 0 && app.scene.marks[place].count > 1 ? app.scene.marks[place].label : "";
  const onKey = (event: TargetedEvent<HTMLButtonElement, KeyboardEvent>): void => {
    const item = event.currentTarget.parentElement;
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const next = event.key === "ArrowDown" ? item?.nextElementSibling : item?.previousElementSibling;
    const other = next?.querySelector<HTMLElement>("button") ?? item?.closest(".search")?.querySelector("input");
    other?.focus();
  };
  return (
    <li>
      <button type="button" onClick={() => choose(app, node)} onKeyDown={onKey}>
        <b>{nodes.label[node] || app.graph.key(node)}</b>{" "}
        <span>
          {app.graph.type(node)} · {app.graph.key(node)}
          {group && ` · in ${group}`}
        </span>
      </button>
    </li>
  );
}

function choose(app: App, node: number): void {
  app.search("");
  app.reveal(node);
  app.picture.focus(app.cursor);
}

/** Groups of each type, which open all at once; each says beforehand how many marks there will be. */
function Groups({ app }: { app: App }): JSX.Element | null {
  if (!app.hasGroups) return null;
  const types = app.closedTypes();
  const doing = (action: () => void) => (event: TargetedEvent<HTMLButtonElement>) => {
    event.currentTarget.closest("details")?.removeAttribute("open");
    action();
  };
  return (
    <details class="menu" name={app.id}>
      <summary>Groups</summary>
      <div class="sheet">
        {types.filter(Boolean).map((type) => (
          <button key={type} type="button" onClick={doing(() => app.openAll(type))}>
            Open {type} → {more(app.cost(type))} marks
          </button>
        ))}
        <button type="button" disabled={!types.length} onClick={doing(() => app.openAll())}>
          Open all → {more(app.cost())} marks
        </button>
        <button
          type="button"
          disabled={!app.state.open.size && !app.state.pins.size}
          onClick={doing(() => app.closeAll())}
        >
          Close all
        </button>
      </div>
    </details>
  );
}

function Filters({ app }: { app: App }): JSX.Element | null {
  if (!app.page.whole) return null;
  const { types, states } = app.state;
  const count = types.size + states.size;
  return (
    <details class="menu" name={app.id}>
      <summary>{count ? `Filter (${count})` : "Filter"}</summary>
      <div class="sheet">
        <fieldset>
          <legend>Types</legend>
          {app.graph.types().map(({ type, kind, count: nodes }) => (
            <Box
              key={type}
              text={`${type || "no type"} (${KINDS[kind]}, ${more(nodes)})`}
              isOn={!types.has(type)}
              onTurn={() => app.filter(turned(types, type), states)}
            />
          ))}
        </fieldset>
        <fieldset>
          <legend>States</legend>
          {app.graph.states().map(({ state, count: nodes }) => (
            <Box
              key={state}
              text={`${state || "nothing to say"} (${more(nodes)})`}
              isOn={!states.has(state)}
              onTurn={() => app.filter(types, turned(states, state))}
            />
          ))}
        </fieldset>
        <button type="button" disabled={!count} onClick={() => app.filter(new Set(), new Set())}>
          Show everything
        </button>
      </div>
    </details>
  );
}

function Box({ text, isOn, onTurn }: { text: string; isOn: boolean; onTurn: () => void }): JSX.Element {
  return (
    <label>
      <input type="checkbox" checked={isOn} onChange={onTurn} /> {text}
    </label>
  );
}

function turned(words: ReadonlySet<string>, word: string): ReadonlySet<string> {
  const next = new Set(words);
  if (!next.delete(word)) next.add(word);
  return next;
}
