// The server as the source of lineage, and what it says when it does not answer.
import { unpacked, type Details, type Page, type Source } from "../source";
import { exactly, printable, shown } from "./values";

/** How many properties of one node are shown. */
const MOST = 200;

/** Why the server did not answer, in its own words. */
export class Problem extends Error {
  constructor(
    title: string,
    detail: string,
    readonly status = 0,
  ) {
    super(detail ? `${title}: ${detail}` : title);
  }
}

/** Ask for an address; a `Problem` for an answer that is none, and where there is nobody. */
export async function asked(address: string | URL, accept = "application/json", signal?: AbortSignal): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(address, { headers: { Accept: accept }, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem("No answer", "the server is not reached");
  }
  if (answer.ok) return answer;
  const { title, detail } = (await answer.json().catch(() => ({}))) as { title?: unknown; detail?: unknown };
  throw new Problem(String(title ?? `Status ${answer.status}`), String(detail ?? answer.statusText), answer.status);
}

/** Return an address of this server with a moment; of the present without one. */
export function at(address: string, moment: string): URL {
  const url = new URL(address, location.href);
  if (moment) url.searchParams.set("as_of", moment);
  else url.searchParams.delete("as_of");
  return readable(url);
}

/** Write an address as the server does, whose links are read and copied by people. */
export function readable(url: URL): URL {
  url.search = url.search.replace(/%3A/g, ":").replace(/%2F/g, "/").replace(/%40/g, "@");
  return url;
}

export class Http implements Source {
  readonly opens = true;

  /** The address is that of a page's columns, with the question and the moment. */
  constructor(public address: string) {}

  async page(open?: readonly string[]): Promise<Page> {
    const url = new URL(this.address, location.href);
    if (open) {
      url.searchParams.delete("open");
      for (const id of open) url.searchParams.append("open", id);
    }
    return unpacked((await (await asked(url)).json()) as Page);
  }

  async details({ nodes, number }: Page, node: number): Promise<Details> {
    const kind = { a: "artifact", e: "execution", c: "context" }[nodes.kind[node]];
    const answer = await asked(at(`/api/v1/nodes/${kind}:${nodes.id[node]}`, String(number || "")));
    const found = (exactly(await answer.text()) as { node: Record<string, unknown> }).node;
    const every = ["properties", "custom_properties"].flatMap((name) => Object.entries(found[name] ?? {}));
    const properties = every.slice(0, MOST).map(([name, value]): [string, string] => [printable(name), shown(value)]);
    if (every.length > MOST) properties.push(["…", `${every.length - MOST} more`]);
    return { properties };
  }

  links(key: string): [string, string][] {
    const moment = new URL(this.address, location.href).searchParams.get("as_of") ?? "";
    return [
      ["All that is known of it", at(`/nodes/${key}`, moment).href],
      ["Its own lineage", at(`/lineage?focus=${key}`, moment).href],
    ];
  }
}
