// What scripts add to the server's pages, all of which answer without them: a picture that opens, moments without
// loading, news, suggestions, keys.
import { listenToChoosing } from "./site/choosing";
import { listenToCopying } from "./site/copying";
import { listenToKeys } from "./site/help";
import { here, Journey } from "./site/journey";
import { Moments } from "./site/moments";
import { News } from "./site/news";
import { listenToSharing } from "./site/sharing";
import { Suggestions } from "./site/suggest";

const one = <E extends HTMLElement>(selector: string): E | null => document.querySelector<E>(selector);

document.documentElement.classList.add("scripted");
const lineage = one("#lineage[data-page]");
const journey = lineage && new Journey(lineage);
const slider = one<HTMLInputElement>("form.moment input[type=range][name=as_of]");
const ticks = slider?.closest<HTMLElement>("[data-ticks]")?.dataset.ticks ?? "";
const moments = slider && new Moments(slider, journey, ticks);
const place = one("#news");
const news = place && new News(place, journey && ((): void => void journey.go(here(""), "push")));
if (journey) {
  journey.onArrival = () => {
    moments?.arrived();
    news?.begin();
  };
  listenToSharing(() => journey.state);
  void journey.begin();
}
news?.begin();
for (const field of document.querySelectorAll<HTMLInputElement>("input[name=q][data-suggest]")) new Suggestions(field);
for (const form of document.querySelectorAll<HTMLFormElement>("form.choose")) listenToChoosing(form);
listenToCopying();
listenToKeys(lineage !== null);
