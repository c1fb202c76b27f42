import { z } from "zod";
import { typedId } from "../../core/typed.ts";
import { readFileRow } from "../../queries/files/files.ts";
import { filesInQuarantine } from "../../queries/files/quarantined-lines.ts";
import { invalidInput } from "../shared/failures.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import { withHeartbeat } from "./input.ts";
import type { FilesContext } from "./shapes.ts";

/** What a person types to have rejected lines tried again, of one file or of all. */
export interface RedriveInput {
  client?: string;
  fileId?: number;
}

export interface RedrivePlan {
  client: string;
  files: { fileId: number; lines: number }[];
}

/** Checks what was typed, and lists the files that have rejected lines. */
export async function planRedrive(
  { database, config, redact }: FilesContext,
  input: RedriveInput,
): Promise<RedrivePlan> {
  return withHeartbeat({}, redact, async () => {
    const shape = z.strictObject({
      client: typedId.optional(),
      fileId: z.number().int("must be a whole number").min(1).max(2_147_483_647).optional(),
    });
    const { client: named, fileId } = checkedInput(shape, input);
    const client = clientNamed(config, named);
    if (fileId !== undefined && (await readFileRow(database, { client, fileId })) === null)
      throw invalidInput(`fileId: client ${client} has no file ${fileId}: ops.files lists them`);
    return { client, files: await filesInQuarantine(database, { client, fileId }) };
  });
}
