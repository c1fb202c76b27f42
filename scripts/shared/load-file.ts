import { stat } from "node:fs/promises";
import { CommandError, exitCodes } from "./command-line.ts";

/** A file that is read into memory whole: it has to be there, and not too large for that. */
export async function requireFile(file: string, largestBytes: number): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found === null || !found.isFile()) throw new CommandError(exitCodes.usage, `there is no file ${file}`);
  if (found.size > largestBytes)
    throw new CommandError(
      exitCodes.usage,
      `${file} has ${found.size} bytes, and ${largestBytes} is the limit: split it`,
    );
}

/** A file that was refused whole, with everything that is wrong with it. */
export function refusedFile(file: string, problems: readonly string[]): CommandError {
  const lines = problems.map((problem) => `\n  ${problem}`).join("");
  return new CommandError(exitCodes.found, `${file}: nothing was changed${lines}`);
}
