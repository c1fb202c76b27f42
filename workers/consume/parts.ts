import type { StreamContext } from "../../activities/streams/shapes.ts";
import type { Logger } from "../../core/log.ts";
import type { Config } from "../../settings/config.ts";

/** What reading topics needs. */
export interface ConsumerParts extends StreamContext {
  config: Config;
  logger: Logger;
  /** Of this process, among all that read. */
  consumer: string;
  /** Says that it is over: what was read is stored, and nothing more is read. */
  signal: AbortSignal;
}
