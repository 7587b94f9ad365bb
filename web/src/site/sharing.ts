// Files of the picture, as links to what the server draws: of exactly what is open.
import { read } from "../state";
import { readable } from "./http";

/** How many members of a group the server opens at once; of more all of them. */
const PAGE = 100;
const LINKS = 'a[href^="/api/v1/export"], a[href^="/api/v1/view"]';

/** Let links to files open what is open in the picture, which its state says as a fragment. */
export function listenToSharing(state: () => string | null): void {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>(LINKS) : null;
    const said = link && state();
    if (!link || said === null) return;
    const { open, pins } = read(said);
    const url = new URL(link.href);
    url.searchParams.delete("open");
    url.searchParams.delete("pin");
    for (const [id, count] of open) url.searchParams.append("open", `${id}=${count > PAGE ? "all" : count}`);
    for (const key of pins) url.searchParams.append("pin", key);
    link.href = readable(url).href;
  });
}
