// Bundles static/src into static/dist under names that carry a hash of their content, so that
// browsers may keep them for ever, and writes manifest.json: logical name -> hashed name.
// `make assets` runs it; the pages ask the manifest and never name a hashed file themselves.

import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src");
const destination = join(here, "dist");

// Every bundle a page may ask for by name. Add a file here to serve it on its own.
const bundles = ["app.css", "app.js"];

const result = await build({
  entryPoints: bundles.map((name) => join(source, name)),
  outdir: destination,
  bundle: true,
  minify: true,
  metafile: true,
  format: "iife",
  target: ["es2022", "chrome110", "firefox115", "safari16"],
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  publicPath: "/static/dist",
  loader: { ".woff2": "file", ".woff": "file", ".svg": "dataurl", ".png": "file" },
  legalComments: "none",
  logLevel: "warning",
});

const manifest = {};
const kept = new Set(["manifest.json"]);
for (const [path, output] of Object.entries(result.metafile.outputs)) {
  const file = basename(path);
  kept.add(file);
  const sources = Object.keys(output.inputs);
  if (output.entryPoint) manifest[basename(output.entryPoint)] = file;
  else if (sources.length === 1) manifest[basename(sources[0])] = file;
}
const missing = bundles.filter((name) => !manifest[name]);
if (missing.length) throw new Error(`not built: ${missing.join(", ")}`);

// The manifest goes last and in one step: a server that starts meanwhile reads the old or the new.
await mkdir(destination, { recursive: true });
const draft = join(destination, "manifest.json.new");
await writeFile(draft, JSON.stringify(manifest, null, 2) + "\n");
await rename(draft, join(destination, "manifest.json"));
for (const file of await readdir(destination)) {
  if (!kept.has(file)) await rm(join(destination, file), { recursive: true });
}
