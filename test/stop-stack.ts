import { once } from "node:events";
import { rm } from "node:fs/promises";
import { shared } from "./start-stack.ts";

export default async function stopStack(): Promise<void> {
  const stack = shared.signalRoomStack;
  if (stack === undefined) return;
  if (stack.child.exitCode === null) {
    const ended = once(stack.child, "exit");
    stack.child.kill("SIGTERM");
    await ended;
  }
  await rm(stack.home, { recursive: true, force: true, maxRetries: 5 });
}
