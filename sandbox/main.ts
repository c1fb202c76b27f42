import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { z } from "zod";
import type { DiscordApplication } from "./vendor.ts";
import { parseLimits, type Limits } from "./limits.ts";
import { startSandbox } from "./server.ts";
import { limitsSetting, sandboxSettings } from "./settings.ts";
import { vendorNames } from "./find-vendors.ts";

const settings = sandboxSettings.extend({
  SANDBOX_PORT: z.coerce.number().int().min(0).max(65_535).default(3010),
  SANDBOX_HOST: z.string().min(1).default("127.0.0.1"),
  // Of the local stack, so that what the sandbox signs is believed there.
  DISCORD_APPLICATION_ID: z.string().optional(),
});

function limitsFrom(env: NodeJS.ProcessEnv, vendors: readonly string[]): Record<string, Partial<Limits>> {
  const limits: Record<string, Partial<Limits>> = {};
  for (const vendor of vendors) {
    const name = limitsSetting(vendor);
    const text = env[name];
    if (text === undefined || text === "") continue;
    try {
      limits[vendor] = parseLimits(text);
    } catch (error) {
      throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return limits;
}

function discordFrom({
  DISCORD_APPLICATION_ID: applicationId,
  DISCORD_DEMO_PRIVATE_KEY: key,
}: z.output<typeof settings>): DiscordApplication | undefined {
  if (applicationId === undefined || key === undefined) return undefined;
  return {
    applicationId,
    privateKey: createPrivateKey({ key: Buffer.from(key, "base64"), format: "der", type: "pkcs8" }),
  };
}

function googleKeyFrom({ GOOGLE_DEMO_PRIVATE_KEY: key }: z.output<typeof settings>): KeyObject | undefined {
  if (key === undefined) return undefined;
  return createPublicKey(createPrivateKey({ key: Buffer.from(key, "base64"), format: "der", type: "pkcs8" }));
}

async function main(): Promise<void> {
  // An empty line in an env file means "not set".
  const env = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== ""));
  const parsed = settings.safeParse(env);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const { SANDBOX_PORT: port, SANDBOX_HOST: host, SANDBOX_TODAY: today, SANDBOX_NOW: now } = parsed.data;
  const vendors = vendorNames();
  const sandbox = await startSandbox({
    port,
    host,
    today: today ?? null,
    now: now ?? null,
    limits: limitsFrom(env, vendors),
    instant: parsed.data.SANDBOX_INSTANT === "on",
    discord: discordFrom(parsed.data),
    googleKey: googleKeyFrom(parsed.data),
    log: (message) => console.error(message),
  }).catch((error: unknown) => {
    const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    throw taken ? new Error(`port ${port} is in use; set SANDBOX_PORT to another`) : error;
  });
  const stop = () => {
    sandbox.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  // The process that started us has ended, perhaps killed: nothing else would stop us.
  process.once("disconnect", stop);
  console.log(`sandbox listening on ${sandbox.url} (${vendors.join(", ")})`);
}

main().catch((error: unknown) => {
  console.error(`sandbox: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
