import { readFile } from "node:fs/promises";
import type { Origin } from "../../core/origin.ts";
import { describeIssues } from "../../core/typed.ts";
import type { z } from "zod";
import { loadOffers, OfferProblem } from "../../queries/promo/load.ts";
import { offersFile, toFileOffers } from "../../rules/promo/offer-shapes.ts";
import { inTransaction, sqlState, type Database } from "../../schema/database.ts";
import { commandLineActor } from "./audit.ts";

/** What is wrong with a file of offers; nothing was changed. */
export class OffersFileError extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join("\n"));
  }
}

/** Loads a file of offers whole or not at all; the same file again changes nothing. */
export async function loadOffersFile(
  database: Database,
  { client, file, origin }: { client: string; file: string; origin: Origin },
): ReturnType<typeof loadOffers> {
  const offers = toFileOffers(parseOffers(await readFile(file, "utf8")));
  const actor = commandLineActor();
  try {
    return await inTransaction(database, (session) => loadOffers(session, { client, actor, offers, origin }));
  } catch (error) {
    if (error instanceof OfferProblem) throw new OffersFileError([error.message]);
    if (sqlState(error) === "23505") throw new OffersFileError(["an offer_id or variation_id is taken"]);
    throw error;
  }
}

function parseOffers(text: string): z.output<typeof offersFile> {
  let document: unknown;
  try {
    // Some editors put a byte order mark before it.
    document = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw new OffersFileError(["is not JSON"]);
  }
  const parsed = offersFile.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new OffersFileError(describeIssues(parsed.error).slice(0, 20));
}
