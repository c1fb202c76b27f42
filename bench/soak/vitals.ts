import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { Database } from "../../schema/database.ts";
import { memoryMbOf } from "../process-memory.ts";

export interface Vitals {
  atMs: number;
  /** Resident megabytes of each process that is watched, by its name. */
  memory: Record<string, number>;
  databaseMb: number;
  spoolMb: number;
}

export interface Watched {
  database: Database;
  /** Processes that nobody kills. */
  processes: Record<string, number>;
  spools: readonly string[];
}

/** Null while Postgres is away. */
export async function readVitals({ database, processes, spools }: Watched): Promise<Vitals | null> {
  try {
    const { rows } = await database.query<{ bytes: number }>("select pg_database_size(current_database()) as bytes");
    const memory = await Promise.all(
      Object.entries(processes).map(async ([name, pid]) => [name, Math.round(await memoryMbOf(pid))] as const),
    );
    const sizes = await Promise.all(spools.map(folderBytes));
    return {
      atMs: performance.now(),
      memory: Object.fromEntries(memory),
      databaseMb: (rows[0]?.bytes ?? 0) / 1_000_000,
      spoolMb: sizes.reduce((sum, bytes) => sum + bytes, 0) / 1_000_000,
    };
  } catch {
    return null;
  }
}

/** Of events that wait to be counted. */
export async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    // What else lies there is not an event that waits.
    names
      .filter((name) => name.endsWith(".spool"))
      .map((name) =>
        stat(path.join(folder, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

export const medianOf = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
