import { execFileSync } from "node:child_process";
import { access, cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { projectRoot } from "../../settings/environment.ts";

/** What a newcomer follows to add something to the system. */
export const addingDocuments = ["docs/adding-a-source.md", "docs/adding-a-platform.md", "docs/adding-a-destination.md"];

/** One block of a document that says, in a comment before it, what is done with it: `<!-- file: core/x.ts -->`. */
interface Step {
  what: "file" | "append" | "change";
  target: string;
  text: string;
}

export function stepsOf(document: string): Step[] {
  const marked = /<!-- (file|append|change): (\S+) -->\n+```\w+\n([\s\S]*?)```/g;
  return [...document.matchAll(marked)].map(([, what, target = "", text = ""]) => ({
    what: what as Step["what"],
    target,
    text,
  }));
}

/** Applies the parts of a diff, which lines of ` ...` keep apart; each has to stand in the text exactly once. */
export function applyChange(text: string, diff: string): string {
  return diff.split(/^ \.\.\.\n/m).reduce((changed, part) => {
    const lines = part.split("\n").slice(0, -1);
    const side = (signs: string) =>
      lines
        .filter((line) => signs.includes(line.charAt(0)))
        .map((line) => `${line.slice(1)}\n`)
        .join("");
    const before = side(" -");
    if (before === "" || changed.split(before).length !== 2)
      throw new Error(`stands ${changed.split(before).length - 1} times and should once:\n${before}`);
    return changed.replace(before, () => side(" +"));
  }, text);
}

/** Whether this is the sources with their history, not an installed package. */
export async function isCheckout(): Promise<boolean> {
  return access(path.join(projectRoot(), ".git")).then(
    () => true,
    () => false,
  );
}

/** A copy of the project as git has it, sharing what is installed. */
export async function copyProject(folder: string): Promise<void> {
  const root = projectRoot();
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root })
    .toString()
    .trim()
    .split("\n");
  for (const file of files) {
    await mkdir(path.join(folder, path.dirname(file)), { recursive: true });
    await cp(path.join(root, file), path.join(folder, file)).catch((error: NodeJS.ErrnoException) => {
      // Deleted, and not committed yet.
      if (error.code !== "ENOENT") throw error;
    });
  }
  await symlink(path.join(root, "node_modules"), path.join(folder, "node_modules"));
}

/** Does in the folder what the document says, as a person would who follows it to the letter. Returns the files it touched. */
export async function followDocument(folder: string, document: string): Promise<string[]> {
  const steps = stepsOf(await readFile(path.join(folder, document), "utf8"));
  for (const { what, target, text } of steps) {
    const file = path.join(folder, target);
    await mkdir(path.dirname(file), { recursive: true });
    if (what === "file") await writeFile(file, text);
    else if (what === "append") await writeFile(file, `${await readFile(file, "utf8")}${text}`);
    else await writeFile(file, applyChange(await readFile(file, "utf8"), text));
  }
  return steps.map(({ target }) => target);
}
