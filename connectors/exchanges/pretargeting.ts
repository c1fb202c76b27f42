import { isLosslessNumber } from "lossless-json";
import { z } from "zod";
import { flatten, unflatten, type Leaves } from "../../rules/pretargeting/leaves.ts";
import { ConnectorError } from "../errors.ts";
import { text } from "../fields.ts";
import { nextOf, read, type Exchange } from "./authorized-buyers.ts";

/** The most that a page holds; a bidder has at most ten. */
const configsPerPage = 100;
export const mostConfigs = 10;

/** A pretargeting configuration as it is there now. */
export interface PretargetingConfig {
  configId: string;
  displayName: string;
  isActive: boolean;
  billingId: string | null;
  content: Leaves;
}

const config = z.looseObject({
  name: z.string().regex(/^bidders\/[^/]{1,128}\/pretargetingConfigs\/[^/]{1,128}$/),
  displayName: text.default(""),
  billingId: z.string().optional(),
  state: z.enum(["ACTIVE", "SUSPENDED"]),
});
const page = z.object({ pretargetingConfigs: z.array(config).default([]), nextPageToken: z.string().optional() });

const toConfig = (one: z.output<typeof config>): PretargetingConfig => ({
  configId: one.name.slice(one.name.lastIndexOf("/") + 1),
  displayName: one.displayName,
  isActive: one.state === "ACTIVE",
  billingId: one.billingId ?? null,
  content: flatten(asText(one) as Record<string, unknown>),
});

/** Numbers as the text they were written as. */
function asText(value: unknown): unknown {
  if (isLosslessNumber(value)) return String(value);
  if (Array.isArray(value)) return value.map(asText);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, asText(inner)]));
}

const pathOf = (bidderId: string, configId = "", verb = "") =>
  `/v1/bidders/${encodeURIComponent(bidderId)}/pretargetingConfigs${configId === "" ? "" : `/${encodeURIComponent(configId)}`}${verb}`;

/** Every configuration of a bidder. */
export async function readConfigs(exchange: Exchange, bidderId: string): Promise<PretargetingConfig[]> {
  const configs: PretargetingConfig[] = [];
  const seen = new Set<string>();
  for (let pageToken: string | null = ""; pageToken !== null;) {
    const query = { pageSize: configsPerPage, ...(pageToken === "" ? {} : { pageToken }) };
    const answer: z.output<typeof page> = read(
      page,
      await exchange.ask({ path: pathOf(bidderId), query }),
      "pretargeting configurations",
    );
    configs.push(...answer.pretargetingConfigs.map(toConfig));
    pageToken = nextOf(answer.nextPageToken, seen);
  }
  if (new Set(configs.map(({ configId }) => configId)).size !== configs.length)
    throw new ConnectorError("malformed", "a pretargeting configuration is listed twice");
  return configs;
}

/** Which of the exchange's lists changes by single members: what others put there meanwhile stays. */
export const targetedLists = {
  "publisherTargeting.values": { verb: "Publishers", field: "publisherIds" },
  "webTargeting.values": { verb: "Sites", field: "sites" },
  "appTargeting.mobileAppTargeting.values": { verb: "Apps", field: "appIds" },
} as const;
export type TargetedList = keyof typeof targetedLists;

/** One request that changes something. Only fields that it names are touched. */
export type PretargetingWrite =
  | { kind: "create"; displayName: string; content: Leaves }
  | { kind: "patch"; configId: string; content: Leaves; paths: readonly string[] }
  | { kind: "add"; configId: string; list: TargetedList; members: readonly string[]; mode: string }
  | { kind: "remove"; configId: string; list: TargetedList; members: readonly string[] }
  | { kind: "delete"; configId: string };

/**
 * Sends it once; of what was created the id is returned. A configuration is active as soon as it is created, and there is no
 * switch for a share of traffic.
 */
export async function writeConfig(
  exchange: Exchange,
  bidderId: string,
  write: PretargetingWrite,
): Promise<string | null> {
  switch (write.kind) {
    case "create": {
      const body = { displayName: write.displayName, ...unflatten(write.content) };
      const answer = await exchange.ask({ method: "POST", path: pathOf(bidderId), body });
      return toConfig(read(config, answer, "the new pretargeting configuration")).configId;
    }
    case "patch":
      await exchange.ask({
        method: "PATCH",
        path: pathOf(bidderId, write.configId),
        query: { updateMask: write.paths.join(",") },
        body: unflatten(write.content),
      });
      return null;
    case "add":
    case "remove": {
      const { verb, field } = targetedLists[write.list];
      await exchange.ask({
        method: "POST",
        path: pathOf(bidderId, write.configId, `:${write.kind}Targeted${verb}`),
        body: { [field]: write.members, ...(write.kind === "add" ? { targetingMode: write.mode } : {}) },
      });
      return null;
    }
    case "delete":
      await exchange.ask({ method: "DELETE", path: pathOf(bidderId, write.configId) });
      return null;
  }
}
