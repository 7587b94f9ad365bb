// What stands below the picture: its state in one line, the same picture as a table, the legend and the keys.
import type { JSX } from "preact";
import type { App } from "./app";
import { KINDS } from "./graph";
import { labelOf, lineStyle, more } from "./look";
import { lineText } from "./scene";

/** How many notes are seen at once. */
const NOTES = 3;
/** How many rows the table shows. */
const ROWS = 500;

export function Status({ app }: { app: App }): JSX.Element {
  const { page, scene } = app;
  const marks = `${more(scene.marks.length)} ${scene.marks.length === 1 ? "mark" : "marks"}`;
  const said = [`${marks} of ${more(page.total)} ${page.total === 1 ? "node" : "nodes"}`];
  if (page.number) said.push(`as of transaction ${more(page.number)}`);
  if (scene.left) said.push(`${more(scene.left)} left out by the filter`);
  return (
    <div class="status">
      {!page.units.length && <p class="empty">This answer is empty: there are no nodes to show.</p>}
      <span>{said.join(" · ")}</span>
      {app.failure && (
        <span class="warning" role="alert">
          {app.failure.words}{" "}
          <button type="button" onClick={app.failure.again}>
            Try again
          </button>
        </span>
      )}
      {page.notes.slice(0, NOTES).map((note, place) => (
        <span class="warning" key={place}>
          {note}
        </span>
      ))}
      {page.notes.length > NOTES && (
        <details>
          <summary>{more(page.notes.length - NOTES)} more notes</summary>
          {page.notes.slice(NOTES).map((note, place) => (
            <p key={place}>{note}</p>
          ))}
        </details>
      )}
      <Legend app={app} />
      <span class="spoken" role="status" aria-live="polite">
        {app.message}
      </span>
    </div>
  );
}

function Legend({ app }: { app: App }): JSX.Element {
  const { lines } = app.scene;
  return (
    <span class="legend" aria-label="Legend">
      <i class="swatch kind-a" /> artifact <i class="swatch kind-e" /> execution <i class="swatch kind-c" /> context
      {lines.some((line) => lineStyle(line) === "some") && (
        <>
          <i class="stroke some" /> some of a group
        </>
      )}
      {lines.some((line) => line.via) && (
        <>
          <i class="stroke via" /> over what is left out
        </>
      )}
    </span>
  );
}

export function Outline({ app }: { app: App }): JSX.Element | null {
  if (!app.isOutlineOpen) return null;
  const { marks } = app.scene;
  return (
    <div class="outline">
      <table>
        <caption>The picture as a table, in the order of the answer</caption>
        <thead>
          <tr>
            {["mark", "type", "nodes", "state", "made from", "led to"].map((each) => (
              <th key={each} scope="col">
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {marks.slice(0, ROWS).map((mark, place) => (
            <tr key={mark.id} aria-selected={mark.id === app.state.selected}>
              <th scope="row">
                <button type="button" onClick={() => choose(app, mark.id)}>
                  {labelOf(mark)}
                </button>
              </th>
              <td>
                {mark.type} ({KINDS[mark.kind]})
              </td>
              <td>{more(mark.count)}</td>
              <td>{mark.state}</td>
              <td>{ends(app, place, false)}</td>
              <td>{ends(app, place, true)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {marks.length > ROWS && <p class="note">… and {more(marks.length - ROWS)} more marks: search for them</p>}
    </div>
  );
}

function choose(app: App, id: string): void {
  app.choose(id);
  app.bring(id);
}

function ends(app: App, place: number, forward: boolean): string {
  const { lines, marks } = app.scene;
  const names = lines
    .filter((line) => (forward ? line.source : line.target) === place && lineStyle(line) !== "holds")
    .map((line) => {
      const text = lineText(line);
      return `${labelOf(marks[forward ? line.target : line.source])}${text ? ` (${text})` : ""}`;
    });
  return names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
}

const KEYS: [string, string][] = [
  ["/", "search"],
  ["← →", "along the edges, against the data or with it"],
  ["↑ ↓", "among the marks of one layer"],
  ["Enter", "details"],
  ["e  c", "open a group, close it"],
  ["u  d  b", "light what fed it, what it led to, both"],
  ["p", "light the way to another mark"],
  ["z  y", "undo, redo"],
  ["f  +  −", "show all, nearer, farther"],
  ["o", "the picture as a table"],
  ["Esc", "take back what is open or lit"],
];

export function Help({ app }: { app: App }): JSX.Element | null {
  if (!app.isHelpOpen) return null;
  return (
    <div class="help" role="dialog" aria-label="Keys">
      <h2>Keys</h2>
      <table>
        <tbody>
          {KEYS.map(([keys, does]) => (
            <tr key={keys}>
              <th scope="row">
                <kbd>{keys}</kbd>
              </th>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="note">
        Drag to move, scroll to zoom, double-click a group to open it. The address holds what you see.
      </p>
      <button type="button" onClick={() => app.toggleHelp()}>
        Close
      </button>
    </div>
  );
}
