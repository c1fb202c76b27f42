import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, list, onOff } from "./shapes.ts";

export const clusterProviders = ["rule-based", "claude", "gemini"] as const;
export type ClusterProvider = (typeof clusterProviders)[number];
export type ModelProvider = Exclude<ClusterProvider, "rule-based">;

const amount = /^\d{1,9}(\.\d{1,6})?$/;
const shared = { clients: "shared" } as const;
const own = { clients: "own" } as const;

const model = (vendor: string, standard: string) =>
  z
    .string()
    .min(1)
    .max(100)
    .default(standard)
    .meta(about(`The model of ${vendor} that is asked. Vendors retire names: look at theirs.`, shared));
const price = (vendor: string) =>
  z
    .string()
    .regex(/^\d{1,6}(\.\d{1,6})?\/\d{1,6}(\.\d{1,6})?$/, "must be two amounts such as 1.00/5.00")
    .optional()
    .meta(
      about(
        `What ${vendor} asks for a million tokens of the question and of the answer, in USD. Without it the limit of spend cannot be held, and the model is not asked.`,
        { ...shared, unset: "the model is not asked", example: "1.00/5.00" },
      ),
    );

/** `11007=Puzzle, 10031=Casino` as a map. */
const genres = list.transform((pairs, context) => {
  const read = pairs.map((pair) => /^(\d{1,12})\s*=\s*(.{2,30})$/.exec(pair));
  if (read.includes(null))
    context.addIssue({ code: "custom", message: "must be pairs such as 11007=Puzzle, 10031=Casino" });
  const pairsOf = read.flatMap((pair) => (pair === null ? [] : [{ category: pair[1] ?? "", genre: pair[2] ?? "" }]));
  // Casino and casino are one genre: as it is written first.
  const spelled = new Map(pairsOf.toReversed().map(({ genre }) => [genre.toLowerCase(), genre]));
  return new Map(pairsOf.map(({ category, genre }) => [category, spelled.get(genre.toLowerCase()) ?? genre]));
});

const ofClient = z.object({
  CLUSTER_PROVIDER: z
    .enum(clusterProviders)
    .default("rule-based")
    .meta(about("Who groups creatives into campaigns where a run does not say.", shared)),
  CLUSTER_CONSENT: onOff
    .default("off")
    .meta(
      about(
        "Whether names, advertisers, domains and headlines of this client's creatives may be sent to a model. Off, the rules group them.",
        own,
      ),
    ),
  CLUSTER_NOTES: z
    .string()
    .max(2_000)
    .optional()
    .meta(
      about("What a model is sent about this client's products beside the groups, as data.", {
        ...own,
        unset: "nothing",
      }),
    ),
  CLUSTER_GENRES: genres
    .prefault("")
    .meta(
      about(
        "What product categories of Authorized Buyers are called, by their numbers: the genre of a campaign, which is part of its name.",
        { ...shared, unset: "campaigns have no genre", example: "11007=Puzzle, 10031=Casino" },
      ),
    ),
  CLUSTER_SPEND_LIMIT: z
    .string()
    .regex(amount, "must be an amount such as 1.00")
    .default("1.00")
    .meta(
      about("What models may cost a client in a day. A call that could pass it is not made.", {
        ...shared,
        unit: "USD",
      }),
    ),
  CLUSTER_DAILY: onOff.optional().meta(
    about("Whether creatives are grouped every morning at 5:50, by the client's clock.", {
      ...shared,
      unset: "on for clients with a key of Authorized Buyers",
    }),
  ),
  CLUSTER_CLAUDE_MODEL: model("Claude", "claude-haiku-5-5"),
  CLUSTER_CLAUDE_PRICE: price("Claude"),
  CLUSTER_GEMINI_MODEL: model("Gemini", "gemini-3.8-flash"),
  CLUSTER_GEMINI_PRICE: price("Gemini"),
});

export const clustersArea = defineArea({
  title: "Campaigns of creatives",
  needs: "worker",
  shape: ofClient,
});

export interface ModelSettings {
  model: string;
  /** For a million tokens; null where nobody has set it. */
  price: { input: string; output: string } | null;
}

/** How a client's creatives are grouped. */
export interface ClusterSettings {
  provider: ClusterProvider;
  consent: boolean;
  notes: string | null;
  /** What the vendor's product categories are called, by their numbers. */
  genres: ReadonlyMap<string, string>;
  spendLimitUsd: string;
  /** Null: as there is a list of creatives to group. */
  daily: boolean | null;
  models: Record<ModelProvider, ModelSettings>;
}

export type ClustersByClient = ReadonlyMap<string, ClusterSettings>;

export function readClusterSettings(reader: SettingsReader): ClustersByClient {
  return new Map(
    reader.clients.map((client) => {
      const values = reader.valuesOf(client, ofClient);
      return [
        client,
        {
          provider: values.CLUSTER_PROVIDER,
          consent: values.CLUSTER_CONSENT === "on",
          notes: values.CLUSTER_NOTES ?? null,
          genres: values.CLUSTER_GENRES,
          spendLimitUsd: values.CLUSTER_SPEND_LIMIT,
          daily: values.CLUSTER_DAILY === undefined ? null : values.CLUSTER_DAILY === "on",
          models: {
            claude: { model: values.CLUSTER_CLAUDE_MODEL, price: priceOf(values.CLUSTER_CLAUDE_PRICE) },
            gemini: { model: values.CLUSTER_GEMINI_MODEL, price: priceOf(values.CLUSTER_GEMINI_PRICE) },
          },
        },
      ] as const;
    }),
  );
}

function priceOf(text: string | undefined): ModelSettings["price"] {
  const [input, output] = (text ?? "").split("/");
  return input === undefined || output === undefined ? null : { input, output };
}
