import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of our package.json, from the sources as from dist/, whose own package.json has no name. */
export function projectRoot(): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (existsSync(manifest)) {
      const { name } = JSON.parse(readFileSync(manifest, "utf8")) as { name?: string };
      if (name === "signal-room") return folder;
    }
    if (folder === path.dirname(folder)) throw new Error("cannot find the folder of signal-room's package.json");
  }
}
