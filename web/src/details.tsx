// The panel beside the picture: what is known of the chosen mark, and what is lit from it.
import type { JSX } from "preact";
import type { App } from "./app";
import { KINDS } from "./graph";
import { reached } from "./light";
import { labelOf, more, shortType, stateWords } from "./look";
import { PAGE, type Mark } from "./scene";
import type { Way } from "./state";

/** How many nodes a list names. */
const NAMED = 200;

const RULES: Record<string, string> = {
  exact: "Exactly alike: each edge of the group holds for every member.",
  alike: "Alike as far as was looked; a dashed edge holds for some members only.",
  type: "All nodes of one type; a dashed edge holds for some members only.",
  others: "Rare ones of one type; a dashed edge holds for some members only.",
  versions: "Versions of one asset.",
  folder: "From one folder.",
  run: "Of one run.",
};

export function Details({ app }: { app: App }): JSX.Element | null {
  const mark = app.selected;
  const lit = app.found && <LitList app={app} />;
  if (!mark) return lit && <div class="details">{lit}</div>;
  return (
    <div class="details">
      <button type="button" class="close" title="Close (Esc)" aria-label="Close details" onClick={() => app.choose("")}>
        ×
      </button>
      <h2 tabIndex={-1}>
        {labelOf(mark)}
        {mark.count > 1 && !mark.rest && <small> ×{more(mark.count)}</small>}
      </h2>
      <p class="kind">
        {mark.type || "no type"} · {mark.count > 1 ? `${more(mark.count)} ${members(app, mark)}` : KINDS[mark.kind]}
        {mark.focus && " · in focus"}
      </p>
      {mark.state && <p class={`says state-${mark.state}`}>{sentence(stateWords(mark.state))}.</p>}
      {mark.continues && <p class="says">It leads further than this answer, which a limit cut.</p>}
      <Ways app={app} mark={mark} />
      {lit}
      {(mark.count > 1 || mark.group) && <Group app={app} mark={mark} />}
      {mark.count === 1 && <Facts app={app} mark={mark} />}
    </div>
  );
}

/** Return what a group is of: nodes of its kind, but for what a context holds. */
function members(app: App, mark: Mark): string {
  return mark.kind === "c" && !app.graph.areContexts(mark.nodes) ? "nodes" : `${KINDS[mark.kind]}s`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What fed a mark and what it led to, counted by type; each lights up. */
function Ways({ app, mark }: { app: App; mark: Mark }): JSX.Element | null {
  if (app.graph.areContexts(mark.nodes)) {
    return (
      <div class="flows">
        <Flow app={app} mark={mark} way="holds" text="Holds" hint="d" />
        <p class="note">Data does not flow through contexts: they hold what belongs together.</p>
      </div>
    );
  }
  return (
    <div class="flows">
      <Flow app={app} mark={mark} way="up" text="← Made from" hint="u" />
      <Flow app={app} mark={mark} way="down" text="→ Led to" hint="d" />
      <div class="ways">
        <Light app={app} mark={mark} way="both" text="Both" hint="b" />
        <button
          type="button"
          aria-pressed={app.pending === mark.id}
          title="Light the way to another (p)"
          onClick={() => app.beginPath()}
        >
          {app.pending === mark.id ? "Now choose where it ends…" : "Path to…"}
        </button>
      </div>
    </div>
  );
}

interface Lighting {
  app: App;
  mark: Mark;
  way: Way;
  text: string;
  hint: string;
}

function Light({ app, mark, way, text, hint }: Lighting): JSX.Element {
  const isOn = app.state.way === way && app.state.from === mark.id;
  return (
    <button type="button" aria-pressed={isOn} title={`Light it up (${hint})`} onClick={() => app.light(way, mark.id)}>
      {text}
    </button>
  );
}

function Flow({ text, ...lighting }: Lighting): JSX.Element {
  const { app, mark, way } = lighting;
  const nodes = reached(app.graph, mark.nodes, way);
  const count = nodes.reduce((sum, node) => sum + app.graph.weight(node), 0);
  return (
    <div class="flow" data-way={way} data-count={count}>
      <Light {...lighting} text={`${text} ${more(count)}`} />
      <span class="note">{count ? byType(app, nodes) : "nothing in this page"}</span>
    </div>
  );
}

function LitList({ app }: { app: App }): JSX.Element {
  const nodes = app.found?.nodes ?? [];
  const from = app.mark(app.state.from);
  const name = from ? labelOf(from) : app.state.from;
  const titles: Record<Way, string> = {
    "": "",
    up: `What fed ${name}`,
    down: `What ${name} led to`,
    both: `What fed ${name}, and what it led to`,
    holds: `What ${name} holds`,
    path: `Ways between ${name} and ${labelOf(app.mark(app.state.to) ?? ({ id: app.state.to } as Mark))}`,
  };
  return (
    <section class="lit" aria-label="Lit">
      <h3>{titles[app.state.way]}</h3>
      {!nodes.length && (
        <p class="note">{app.state.way === "path" ? "No way leads from the one to the other." : "Nothing that this page holds."}</p>
      )}
      <NodeList app={app} nodes={nodes} />
    </section>
  );
}

function byType(app: App, nodes: number[]): string {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const type = shortType(app.graph.type(node)) || "no type";
    counts.set(type, (counts.get(type) ?? 0) + app.graph.weight(node));
  }
  return [...counts].map(([type, count]) => `${more(count)} ${type}`).join(", ");
}

function NodeList({ app, nodes }: { app: App; nodes: number[] }): JSX.Element | null {
  if (!nodes.length) return null;
  return (
    <ul class="nodes">
      {nodes.slice(0, NAMED).map((node) => (
        <li key={node}>
          <button type="button" data-key={app.graph.key(node)} onClick={() => app.reveal(node)}>
            <b>{app.page.nodes.label[node] || app.graph.key(node)}</b>{" "}
            <span>
              {shortType(app.graph.type(node))}
              {app.page.whole && ` · ${app.graph.key(node)}`}
              {app.page.nodes.state[node] && ` · ${app.page.nodes.state[node]}`}
            </span>
          </button>
        </li>
      ))}
      {nodes.length > NAMED && <li class="note">… and {more(nodes.length - NAMED)} more</li>}
    </ul>
  );
}

function Group({ app, mark }: { app: App; mark: Mark }): JSX.Element {
  const unit = app.graph.units.get(mark.group);
  const left = app.closedOf(mark)?.size ?? 0;
  return (
    <section class="group" aria-label="Group">
      <h3>{unit ? `Of ${unit.label || "a group"} ×${more(unit.count)}` : "Group"}</h3>
      {mark.count > 1 && <p class="note">{RULES[mark.rule] ?? ""}</p>}
      {!app.opens && <p class="note">This page holds too many nodes to open its groups.</p>}
      <div class="ways">
        {left > 0 && app.opens && (
          <button type="button" title="Open (e)" onClick={() => app.open(mark, PAGE)}>
            {`Open ${left > PAGE ? `${PAGE} of ` : ""}${more(left)}${mark.count > 1 && !mark.rest ? "" : " more"}`}
          </button>
        )}
        {left > PAGE && app.page.whole && (
          <button type="button" onClick={() => app.open(mark, left)}>
            Open all → {more(app.scene.marks.length + left - 1)} marks
          </button>
        )}
        {mark.group && (
          <button type="button" title="Close (c)" onClick={() => app.close(mark)}>
            Close the group
          </button>
        )}
      </div>
      {mark.count > 1 && app.page.whole && <NodeList app={app} nodes={mark.nodes} />}
    </section>
  );
}

function Facts({ app, mark }: { app: App; mark: Mark }): JSX.Element {
  const node = mark.nodes[0];
  const { nodes } = app.page;
  const facts: [string, string][] = [
    ["key", app.page.whole ? app.graph.key(node) : mark.id],
    ["name", nodes.name[node]],
    ["alias", nodes.alias[node].join(", ")],
    ["URI", nodes.uri[node]],
    ["external id", nodes.external[node]],
    ["created", time(nodes.created[node])],
    ["updated", nodes.updated[node] === nodes.created[node] ? "" : time(nodes.updated[node])],
    ["transaction", nodes.since[node] ? more(nodes.since[node]) : ""],
  ];
  const properties = app.detailsOf(node);
  return (
    <section aria-label="Properties">
      {app.source.links?.(mark.id).map(([text, address]) => (
        <p key={text}>
          <a href={address}>{text}</a>
        </p>
      ))}
      <Table rows={facts.filter(([, value]) => value)} />
      <h3>Properties</h3>
      {properties?.length ? <Table rows={properties} /> : <p class="note">{properties ? "It has none." : "…"}</p>}
    </section>
  );
}

/** Text is shown as text, URIs too: what a link would do is for its writer to know. */
function Table({ rows }: { rows: [string, string][] }): JSX.Element {
  return (
    <table class="facts">
      <tbody>
        {rows.map(([name, value], place) => (
          <tr key={place}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function time(milliseconds: number): string {
  const moment = new Date(milliseconds);
  return Number.isNaN(moment.getTime()) ? "" : moment.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}
