// Builds the script and the style of lineage's pages into lineage/web, the same bytes each time.
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const HERE = new URL(".", import.meta.url).pathname;
const INTO = `${HERE}../lineage/web/`;
// What d3-zoom imports of d3: the little that it uses of these is in hands.ts.
const STOOD_IN = ["dispatch", "drag", "interpolate", "selection", "transition"];

// What the licences of the bundled libraries ask for: their texts in every copy, each text once.
function licences(inputs) {
  const packages = new Set(
    Object.entries(inputs)
      .filter(([, input]) => input.bytesInOutput > 0)
      .map(([path]) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1])
      .filter(Boolean),
  );
  const texts = new Map();
  for (const name of [...packages].sort()) {
    const folder = `${HERE}node_modules/${name}/`;
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    const text = readFileSync(folder + file, "utf8").replaceAll("\r", "").trim().replaceAll("*/", "* /");
    const [own, ...rest] = text.split(/\n(?=Permission|Redistribution|All rights)/);
    const body = rest.join("\n");
    texts.set(body, [...(texts.get(body) ?? []), `${name}: ${own.replace(/\s+/g, " ")}`]);
  }
  return [...texts].map(([body, owners]) => `${owners.join("\n")}\n\n${body}`).join("\n\n");
}

const options = {
  absWorkingDir: HERE,
  bundle: true,
  charset: "utf8",
  minify: true,
  metafile: true,
  target: "es2022",
  write: false,
};
const script = await build({
  ...options,
  entryPoints: ["src/main.ts"],
  alias: Object.fromEntries(STOOD_IN.map((name) => [`d3-${name}`, "./src/hands.ts"])),
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
});
// What is in page.js already is loaded from there.
const beside = {
  name: "beside",
  setup: ({ onResolve }) => onResolve({ filter: /\/main$/ }, () => ({ path: "./page.js", external: true })),
};
const site = await build({ ...options, entryPoints: ["src/site.ts"], format: "esm", plugins: [beside] });

function write(name, { metafile, outputFiles }) {
  const texts = licences(Object.values(metafile.outputs)[0].inputs);
  const notice = texts && `/*! This page's script holds these libraries:\n\n${texts}\n*/\n`;
  writeFileSync(INTO + name, notice + outputFiles[0].text);
}

write("page.js", script);
write("site.js", site);
copyFileSync(`${HERE}src/site/icon.svg`, `${INTO}icon.svg`);
for (const name of ["page.css", "site.css"]) {
  write(name, await build({ ...options, entryPoints: [`src/${name}`] }));
}
