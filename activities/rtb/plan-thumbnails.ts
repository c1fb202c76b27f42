import { z } from "zod";
import { dropThumbnails } from "../../queries/rtb/thumbnails.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import type { ThumbnailContext } from "./shapes.ts";

const shape = z.object({ client: z.string().optional(), carried: z.unknown().optional() });

export interface PlanThumbnailsInput {
  input: unknown;
}

/** Whose pictures are fetched, and whether they may be; what may not be kept any longer goes first. */
export async function planThumbnails(
  { database, config }: ThumbnailContext,
  { input }: PlanThumbnailsInput,
): Promise<{ client: string; consents: boolean; deleted: number; vendor: string }> {
  const { client: named } = checkedInput(shape, input, ["client"]);
  const client = clientNamed(config, named);
  const { consenting, days } = config.thumbnails;
  const deleted = await dropThumbnails(database, { consenting: [...consenting], days });
  return { client, consents: consenting.has(client), deleted, vendor: "authorized_buyers" };
}
