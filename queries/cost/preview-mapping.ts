import { inTransaction, type Database } from "../../schema/database.ts";
import { mergeMappingIn, type MappingMerge, type MappingMerged } from "./affiliate-mapping.ts";
import { readCpaByAffiliate, readCpaTotals, type CpaAffiliate, type CpaTotal } from "./cpa.ts";

interface Figures {
  items: CpaAffiliate[];
  totals: CpaTotal[];
}

export interface MappingPreview {
  merged: MappingMerged;
  before: Figures;
  after: Figures;
}

/** Carries the preview out of a transaction that must not stay. */
class Previewed extends Error {
  constructor(readonly preview: MappingPreview) {
    super("previewed");
  }
}

/** What a change of the mapping would make of the figures of these days: it is made, looked at, and taken back. */
export async function previewMapping(
  database: Database,
  merge: MappingMerge,
  days: { from: string; to: string },
): Promise<MappingPreview> {
  const of = { client: merge.client, ...days };
  try {
    await inTransaction(database, async (session) => {
      const read = async (): Promise<Figures> => ({
        items: await readCpaByAffiliate(session, of),
        totals: await readCpaTotals(session, of),
      });
      const before = await read();
      const merged = await mergeMappingIn(session, merge);
      throw new Previewed({ merged, before, after: await read() });
    });
  } catch (error) {
    if (error instanceof Previewed) return error.preview;
    throw error;
  }
  throw new Error("a preview was committed");
}
