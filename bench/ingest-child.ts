import { once } from "node:events";

/** Says that everything is loaded and connected, and waits for the word to begin. */
export async function begin(): Promise<void> {
  process.stdout.write("ready\n");
  process.stdin.resume();
  await once(process.stdin, "data");
  process.stdin.destroy();
}
