// Values of nodes as people read them: as `lineage.model.texts.shown` of Python writes them, in one harmless line.

const LONGEST = 1_000;
const MOST = 20;
const DEEPEST = 3;

/** What nobody sees, or turns the direction of writing; lone surrogates. */
const UNSAFE =
  /[^\x20-\x7e\xa0-\u{10ffff}]|[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
const NAMED: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A number as it was sent: a script's own numbers have no more than 53 bits, and forget that 1.0 is no 1. */
class Figure {
  constructor(readonly text: string) {}
}

/** Read JSON, with numbers as they are written in it. */
export function exactly(text: string): unknown {
  const asWritten = (_: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === "number" && context?.source ? new Figure(context.source) : value;
  return JSON.parse(text, asWritten);
}

export function printable(text: string): string {
  const line = text.slice(0, LONGEST + 1).replace(UNSAFE, escaped);
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (NAMED[character]) return NAMED[character];
  if (code < 0x100) return `\\x${digits.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}

/** Return a value of JSON as one line. */
export function shown(value: unknown): string {
  return printable(told(value, 0));
}

function told(value: unknown, depth: number): string {
  if (value === null) return depth ? "null" : "";
  if (typeof value === "string") return depth ? `"${value.slice(0, LONGEST)}"` : value;
  if (value instanceof Figure) return value.text.replace("1e999", "inf");
  if (Array.isArray(value)) return listed("[]", value.map((each) => () => told(each, depth + 1)), depth);
  if (typeof value !== "object") return String(value);
  const entries = Object.entries(value as Record<string, unknown>);
  if (entries.length === 1 && entries[0][0] === "float" && entries[0][1] === "nan") return "nan";
  return listed("{}", entries.map(([name, each]) => () => `"${name}": ${told(each, depth + 1)}`), depth);
}

function listed(ends: string, items: (() => string)[], depth: number): string {
  if (depth >= DEEPEST && items.length) return `${ends[0]}…${ends[1]}`;
  const said = items.slice(0, MOST).map((each) => each());
  if (items.length > MOST) said.push("…");
  return ends[0] + said.join(", ") + ends[1];
}
