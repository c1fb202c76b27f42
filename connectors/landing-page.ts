import { Agent, fetch } from "undici";
import { guardedConnector, type GuardOptions } from "./public-address.ts";

const timeoutMs = 10_000;

/**
 * What a landing page answers: its status, or null where it does not answer. One question, which follows no redirect: it
 * could lead to a network that counts it as a click.
 */
export async function askLandingPage(
  url: string,
  guard: Pick<GuardOptions, "lookup" | "isAllowed"> = {},
): Promise<number | null> {
  const agent = new Agent({ connect: guardedConnector({ ...guard, timeoutMs }), maxResponseSize: 1_000_000 });
  try {
    const response = await fetch(url, {
      dispatcher: agent,
      redirect: "manual",
      headers: { "user-agent": "signal-room landing page check (bot)" },
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return null;
  } finally {
    await agent.destroy();
  }
}
