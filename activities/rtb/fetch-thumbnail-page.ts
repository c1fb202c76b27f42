import { fetchPicture } from "../../connectors/preview-picture.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { originOf } from "../../core/origin.ts";
import {
  dueThumbnails,
  storeThumbnail,
  type DueThumbnail,
  type ThumbnailOutcome,
} from "../../queries/rtb/thumbnails.ts";
import { withHeartbeat } from "../shared/with-heartbeat.ts";
import { exchange, type ThumbnailContext } from "./shapes.ts";

export interface FetchedPage {
  stored: number;
  refused: number;
  failed: number;
  /** More may be due. */
  goesOn: boolean;
}

const perPage = 24;
/** At a time: a host that does not answer holds up the others for ten seconds each. */
const together = 4;

/** Fetches the next pictures that are due. Each is stored when it is there: an attempt that ends in the middle leaves only the others. */
export async function fetchThumbnailPage(
  context: ThumbnailContext,
  { client }: { client: string },
): Promise<FetchedPage> {
  const { config, database, redact } = context;
  const counts: FetchedPage = { stored: 0, refused: 0, failed: 0, goesOn: false };
  // Whoever withdrew their consent while this runs is not asked about any more.
  if (!config.thumbnails.consenting.has(client)) return counts;
  const mockUrl = mockOf(context, client);
  return withHeartbeat({ place: `thumbnails of client ${client}`, redact, progress: counts }, async (signal) => {
    const due = await dueThumbnails(database, {
      client,
      days: config.thumbnails.days,
      takesSandbox: mockUrl !== null,
      limit: perPage,
    });
    for (let from = 0; from < due.length; from += together) {
      const outcomes = await Promise.all(
        due.slice(from, from + together).map((one) => fetchOne(context, { client, one, mockUrl, signal })),
      );
      for (const state of outcomes) counts[state] += 1;
    }
    return { ...counts, goesOn: due.length === perPage };
  });
}

/** The mock server stands in for every image host, where it stands in for the exchange. */
function mockOf({ config }: ThumbnailContext, client: string): string | null {
  const account = config.accounts.get(`${exchange.name}/${client}`);
  return account !== undefined && originOf(account) === "sandbox" ? new URL("/images", account.baseUrl).href : null;
}

interface Fetching {
  client: string;
  one: DueThumbnail;
  mockUrl: string | null;
  signal: AbortSignal;
}

async function fetchOne(
  context: ThumbnailContext,
  { client, one: { id, url, origin }, mockUrl, signal }: Fetching,
): Promise<ThumbnailOutcome["state"]> {
  const isMadeUp = origin === "sandbox";
  const outcome = await outcomeOf(context, { client, url, mockUrl: isMadeUp ? mockUrl : null, signal });
  const of = { client, id, url, origin: isMadeUp ? ("sandbox" as const) : ("real" as const) };
  await storeThumbnail(context.database, of, outcome);
  return outcome.state;
}

async function outcomeOf(
  { config, gate, redact }: ThumbnailContext,
  { client, url, mockUrl, signal }: { client: string; url: string; mockUrl: string | null; signal: AbortSignal },
): Promise<ThumbnailOutcome> {
  const { maxBytes, intervalMs } = config.thumbnails;
  const pace = { name: `thumbnails/${client}`, pace: { intervalMs, concurrent: together } };
  try {
    const found = await fetchPicture(url, {
      maxBytes,
      mockUrl,
      signal,
      beforeRequest: () => gate.turn(pace, { signal }),
    });
    return "refused" in found ? { state: "refused", reason: found.refused } : { state: "stored", picture: found };
  } catch (error) {
    // One host that is away must not keep the pictures of others from coming.
    if (signal.aborted || !(error instanceof ConnectorError)) throw error;
    return { state: "failed", reason: redact(error.message) };
  }
}
