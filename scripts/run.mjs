// `node scripts/run.mjs status --json` runs scripts/commands/status.ts; `node scripts/run.mjs workers/main` runs workers/main.ts.
// Everything runs from dist/, as in production; sources that changed since the last build are built first.
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = path.resolve(fileURLToPath(import.meta.url), "../..");
const [name, ...rest] = process.argv.slice(2);
if (!name) throw new Error("usage: node scripts/run.mjs <script> [arguments]");
const entry = name.includes("/") ? name : `scripts/commands/${name}`;

// An image that ships only dist/ has no sources to compare with.
if (existsSync(path.join(root, "workflows/index.ts"))) {
  const { buildIfStale } = await import("./build.mjs");
  await buildIfStale();
}
const file = path.join(root, "dist", `${entry}.js`);
process.setSourceMapsEnabled?.(true);
process.argv = [process.argv[0], file, ...rest];
await import(pathToFileURL(file).href);
