import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { CommandError, exitCodes } from "./command-line.ts";

/** The line from standard input, or from the editor of whoever sits at a terminal, who sees it in clear there. */
export async function typedLine(current: () => Promise<string>): Promise<string> {
  if (!process.stdin.isTTY) return withoutLastBreak(await readAll(process.stdin));
  const editor = process.env["VISUAL"] ?? process.env["EDITOR"];
  if (editor === undefined || editor === "")
    throw new CommandError(
      exitCodes.usage,
      "give the corrected line with --line or on standard input, or set $EDITOR to an editor",
    );
  const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-line-"));
  try {
    const file = path.join(folder, "line.csv");
    await writeFile(file, `${await current()}\n`, { mode: 0o600 });
    const { status } = spawnSync(editor, [file], { stdio: "inherit", shell: true });
    if (status !== 0) throw new CommandError(exitCodes.usage, "the editor ended with an error: nothing is corrected");
    return withoutLastBreak(await readFile(file, "utf8"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readAll(stream: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString("utf8");
}

const withoutLastBreak = (text: string) => text.replace(/\r?\n$/, "");
