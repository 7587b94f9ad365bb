// Rows of a table that are ticked to be compared: as many as a comparison takes.
import { element } from "./elements";

const [LEAST, MOST] = [2, 20];

export function listenToChoosing(form: HTMLFormElement): void {
  const submit = form.querySelector<HTMLButtonElement>("[type=submit]");
  if (!submit) return;
  const said = element("output", { class: "chosen" });
  submit.after(said);
  const count = (): void => {
    const chosen = form.querySelectorAll("input[name=ids]:checked").length;
    submit.disabled = chosen < LEAST || chosen > MOST;
    said.value = chosen ? `${chosen} ticked${chosen < LEAST ? "; tick one more" : chosen > MOST ? `; at most ${MOST}` : ""}` : "";
  };
  form.addEventListener("change", count);
  // Of a page that comes back the browser ticks again what was ticked.
  addEventListener("pageshow", count);
  count();
}
