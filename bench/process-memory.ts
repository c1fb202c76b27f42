import { readFile } from "node:fs/promises";

/** Megabytes that a process holds, or held at most; 0 where it is gone. */
export async function memoryMbOf(pid: number | undefined, which: "VmRSS" | "VmHWM" = "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(new RegExp(`${which}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1_024;
}
