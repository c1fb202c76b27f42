import { ConnectorError } from "../errors.ts";

export type { Outgoing } from "../../rules/conversions/outgoing.ts";

/** What became of one conversion: a definite answer, never a guess. */
export interface Settled {
  conversionKey: string;
  state: "delivered" | "failed" | "expired";
  answer: string;
}

/** So many refused one by one, and none taken: it is not the events. */
const enoughRefusals = 10;

/**
 * Sends all in one call; when the vendor refuses the whole for one of them, halves until the bad one is found.
 * What was settled before a failure has been reported.
 */
export async function isolate<Item>(
  items: readonly Item[],
  send: (part: readonly Item[]) => Promise<void>,
  refused: (item: Item, error: ConnectorError) => Promise<void>,
  blamesOne: (error: ConnectorError) => boolean,
): Promise<void> {
  let taken = 0;
  const alone: { item: Item; error: ConnectorError }[] = [];
  const attempt = async (part: readonly Item[]): Promise<void> => {
    const [first] = part;
    if (first === undefined) return;
    try {
      await send(part);
      taken += part.length;
    } catch (error) {
      if (!(error instanceof ConnectorError) || !blamesOne(error)) throw error;
      if (part.length === 1) {
        alone.push({ item: first, error });
        if (taken === 0 && alone.length >= enoughRefusals) {
          throw new ConnectorError(
            "rejected",
            `${alone.length} events were refused one by one and none was taken: ${error.message}`,
            { code: error.code },
          );
        }
        return;
      }
      const middle = Math.ceil(part.length / 2);
      await attempt(part.slice(0, middle));
      await attempt(part.slice(middle));
    }
  };
  try {
    await attempt(items);
  } catch (error) {
    // With some taken, those refused were refused for what they are.
    if (taken === 0) throw error;
    for (const one of alone) await refused(one.item, one.error);
    throw error;
  }
  for (const { item, error } of alone) await refused(item, error);
}

/** A vendor may repeat what it was sent: of its words, only those that cannot describe a person. */
export function withoutPersons(text: string): string {
  return text
    .replaceAll(/[^\s"'<>@]+@[^\s"'<>@]+/g, "[removed]")
    .replaceAll(/\b[0-9a-f]{32,}\b/gi, "[removed]")
    .replaceAll(/\b\d{1,3}(\.\d{1,3}){3}\b/g, "[removed]")
    .replaceAll(/\b[0-9a-f]{0,4}(:[0-9a-f]{0,4}){3,}\b/gi, "[removed]")
    .replaceAll(/Mozilla\/[^"]*/g, "[removed]")
    .replaceAll(/\bfb\.\d\.\S+/g, "[removed]")
    .replaceAll(/\+?\d[\d\s().-]{6,}\d/g, "[removed]");
}
