import { findCreativeIds } from "../../queries/rtb/find-creative.ts";
import type { Queryable } from "../../schema/database.ts";
import { ApiError, notFound } from "../server/errors.ts";

/** Our number for the creative that is meant. */
export async function oneCreative(
  reading: Queryable,
  of: { client: string; creativeId: string; buyerId: string | undefined },
): Promise<string> {
  const [found, other] = await findCreativeIds(reading, of);
  if (found === undefined) throw notFound("creative");
  if (other !== undefined)
    throw new ApiError("conflict", "several seats have a creative of this id: name one by `buyer_id`");
  return found.id;
}
