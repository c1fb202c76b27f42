import type { RejectedLine } from "../../connectors/files/performance-file.ts";
import type { Seal } from "../../core/seal.ts";
import { stageRejected } from "../../queries/files/quarantined-lines.ts";
import type { Staging } from "../../queries/files/staging.ts";
import type { Session } from "../../schema/database.ts";

const quarantinedAtATime = 1_000;
const quarantinedBytes = 4_000_000;

/** Of a message also where its topic has it. */
export type RejectedContent = RejectedLine & { position?: string };

/** Rejected lines on their way to the quarantine: staging has to pause for them, so they go in lots, small in bytes too. */
export function createQuarantine(
  session: Session,
  staging: Staging,
  seal: Seal,
): { add: (lines: readonly RejectedContent[]) => Promise<void>; flush: () => Promise<void> } {
  let waiting: RejectedContent[] = [];
  let bytes = 0;
  const flush = async () => {
    if (waiting.length === 0) return;
    await staging.pause();
    await stageRejected(session, waiting);
    waiting = [];
    bytes = 0;
  };
  return {
    async add(lines) {
      for (const line of lines) {
        const content = seal.seal(line.content);
        // What is not kept cannot be read again.
        waiting.push({ ...line, content, whole: line.whole && content !== "" });
        bytes += line.content.length;
        if (waiting.length >= quarantinedAtATime || bytes >= quarantinedBytes) await flush();
      }
    },
    flush,
  };
}
