import type { FileCounts, RefusalCode } from "./shapes.ts";

/** What a cell holds, short enough for a sentence. */
export function shown(text: string): string {
  const plain = text.replace(/\0/g, "␀").replace(/[\r\n\t]+/g, " ");
  return `"${plain.length > 40 ? `${plain.slice(0, 40)}…` : plain}"`;
}

/** The file is broken, or most of it is wrong: nothing of it may be stored. */
export class FileRefused extends Error {
  readonly line: number | null;
  readonly column: string | null;
  /** How far reading had come. */
  counts: Partial<FileCounts> = {};

  constructor(
    readonly code: RefusalCode,
    message: string,
    at: { line?: number | null; column?: string | null } = {},
  ) {
    super(message);
    this.name = "FileRefused";
    this.line = at.line ?? null;
    this.column = at.column ?? null;
  }
}
