// Buttons that copy a text, such as a command.

/** How long a button says that it has copied, in milliseconds. */
const SAID = 1_500;

export function listenToCopying(): void {
  document.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("button.copy") : null;
    if (pressed) void copy(pressed, pressed.dataset.copy ?? "");
  });
}

async function copy(pressed: HTMLButtonElement, text: string): Promise<void> {
  const before = (pressed.dataset.before ??= pressed.textContent ?? "");
  pressed.textContent = (await copied(text)) ? "Copied" : "Not copied: the browser refuses";
  pressed.setAttribute("aria-live", "polite");
  setTimeout(() => {
    pressed.textContent = before;
  }, SAID);
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedFrom(text);
  }
}

/** Copy as before there was a clipboard for scripts, which pages without https of another machine have not. */
function copiedFrom(text: string): boolean {
  const field = document.createElement("textarea");
  const { activeElement } = document;
  field.value = text;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (activeElement instanceof HTMLElement) activeElement.focus();
  return isCopied;
}
