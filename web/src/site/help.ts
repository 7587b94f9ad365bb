// What keys do on every page, and a dialog that says so.
import { button, element, isWriting } from "./elements";
import { made } from "./morph";

const KEYS: [string, string][] = [
  ["/", "search"],
  ["[  ]", "one transaction back, one on"],
  ["?", "this list"],
];
const OF_A_PICTURE: [string, string] = ["Tab, then ?", "into the picture, and its own keys"];

export function listenToKeys(hasPicture: boolean): void {
  const dialog = made(dialogOf(hasPicture));
  document.body.append(dialog);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    const action = { "/": search, "?": () => (dialog.open ? dialog.close() : dialog.showModal()) }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function search(): void {
  const field = document.querySelector<HTMLInputElement>("input[name=q]");
  field?.focus();
  field?.select();
}

function dialogOf(hasPicture: boolean): HTMLDialogElement {
  const rows = (hasPicture ? [...KEYS, OF_A_PICTURE] : KEYS).map(([keys, does]) =>
    element("tr", {}, element("th", { scope: "row" }, element("kbd", {}, keys)), element("td", {}, does)),
  );
  const dialog = element("dialog", { class: "keys", "aria-label": "Keys" });
  dialog.append(
    element("h2", {}, "Keys"),
    element("table", {}, element("tbody", {}, ...rows)),
    button("Close", () => dialog.close()),
  );
  return dialog;
}
