// Reads a flowchart from standard input with Mermaid's own parser and prints what it holds, as JSON:
// nodes and edges as [id, lines of its label, classes] and [start, end, stroke, label], and the
// kinds of Markdown and HTML that the labels would turn into.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");
const { marked } = await import("marked");

mermaid.initialize({ maxTextSize: 10_000_000, maxEdges: 100_000 });
const text = readFileSync(0, "utf8");
await mermaid.parse(text);
const diagram = await mermaid.mermaidAPI.getDiagramFromText(text);

const html = (label) =>
  label.replaceAll("ﬂ°°", "&#").replaceAll("ﬂ°", "&").replaceAll("¶ß", ";");

const tags = new Set();
const lines = (label) =>
  html(label).split(/<br\s*\/?>/).map((line) => {
    const element = window.document.createElement("div");
    element.innerHTML = line;
    for (const child of element.querySelectorAll("*")) tags.add(child.tagName);
    return element.textContent;
  });

const markdown = new Set();
const collect = (tokens) => {
  for (const token of tokens) {
    markdown.add(token.type);
    collect(token.tokens ?? []);
  }
};

// Mermaid reads Markdown while entity codes are still hidden in its own two signs.
const vertices = [...diagram.db.getVertices().values()];
for (const vertex of vertices) collect(marked.lexer(vertex.text.replaceAll(/<br\s*\/?>/g, "\n")));

const found = {
  nodes: vertices.map((vertex) => [vertex.id, lines(vertex.text), vertex.classes]),
  edges: diagram.db.getEdges().map((edge) => [edge.start, edge.end, edge.stroke, edge.text]),
  direction: diagram.db.getDirection(),
  markdown: [...markdown].sort(),
  tags: [...tags].sort(),
};
process.stdout.write(JSON.stringify(found));
