import { z } from "zod";
import { typedId } from "../../core/typed.ts";
import type { Redact } from "../../core/redact.ts";
import { findPlatform } from "../../connectors/platforms/registry.ts";
import type { Platform } from "../../connectors/platforms/platform.ts";
import type { Database } from "../../schema/database.ts";
import type { Config } from "../../settings/config.ts";
import { invalidInput } from "../shared/failures.ts";
import type { RateGate } from "../shared/rate-gate.ts";

/** What the activities of reconciliation need. */
export interface ReconContext {
  database: Database;
  config: Pick<Config, "accounts" | "sandboxUrl" | "credentialsKey" | "recon" | "clients" | "queuePrefix">;
  gate: RateGate;
  redact: Redact;
}

/** As ids are written. */
export const id = typedId.pipe(z.string().regex(/^[1-9]\d{0,17}$/, "must be an id"));

export function platformNamed(name: string): Platform {
  const platform = findPlatform(name);
  if (platform === undefined) throw invalidInput(`unknown platform "${name}"`);
  return platform;
}
