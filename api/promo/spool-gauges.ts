import { Gauge, type Registry } from "prom-client";
import { countQuarantined } from "../../queries/promo/quarantine.ts";
import type { ServerParts } from "../server/parts.ts";
import { createFolderReader, type SpoolFolder } from "./counting/spool-folder.ts";

/** What waits on the disk to be counted, and what could not be: also while the database is away, when it matters. */
export function createSpoolGauges(registry: Registry, { reading, config }: Pick<ServerParts, "reading" | "config">) {
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge({ name: `signal_room_promo_${name}`, help, labelNames, registers: [registry] });
  const ofFolder: Record<string, [Gauge, (folder: SpoolFolder) => number]> = {
    events: [gauge("spool_events", "Promo events in the spool that wait to be counted"), ({ events }) => events],
    bytes: [gauge("spool_bytes", "Size of the files in the spool that wait to be counted"), ({ bytes }) => bytes],
    age: [
      gauge("spool_oldest_age_seconds", "Time since the event was received that has waited longest; 0 when none waits"),
      ({ since }) => (since === null ? 0 : Math.max(0, (Date.now() - since.getTime()) / 1_000)),
    ],
    damaged: [
      gauge("spool_damaged_files", "Files of the spool that a person has to look at"),
      ({ damagedFiles }) => damagedFiles,
    ],
  };
  const quarantined = gauge("quarantined", "Promo events of the spool that could not be counted", ["client", "reason"]);
  const readFolder = createFolderReader(config.promo.counting.spool.folder);

  return async (): Promise<void> => {
    const [folder, rows] = await Promise.all([
      readFolder().catch(() => null),
      countQuarantined(reading).catch(() => []),
    ]);
    for (const [one, of] of Object.values(ofFolder)) {
      // What cannot be read is unknown, and not 0.
      if (folder === null) one.remove();
      else one.set(of(folder));
    }
    quarantined.reset();
    for (const { events, ...labels } of rows) quarantined.set(labels, events);
  };
}
