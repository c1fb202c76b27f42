import type { Account } from "../../settings/config.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import type { Http } from "../../connectors/http.ts";
import { readSlice, type KeptParts, type SliceAnswer } from "../../connectors/slices/read-slice.ts";
import type { AnySource, Instead } from "../../connectors/source.ts";
import type { Amount, MergeTarget } from "../../queries/sync/shapes.ts";
import { isReconciled } from "../../queries/sync/trust.ts";
import { mergeColumns } from "../../schema/merge-key.ts";

export interface DayReading {
  source: AnySource;
  account: Account;
  day: string;
  onPage?: (page: number, rows: number) => void;
  kept?: KeptParts | undefined;
}

/** Parts of one day that are under way at once: each answer is held whole until it is read. */
const partsAtOnce = 4;

/** Reads a day from the vendor. */
export async function readDay({ source, account, day, ...options }: DayReading, http: Http): Promise<SliceAnswer> {
  const secrets = keysOf(account);
  await checkAccount(source, account, secrets, http);
  const question = `${source.name} ${account.name} ${account.baseUrl}`;
  const reading = {
    source,
    slice: { day, timezone: source.slices.timezone },
    secrets,
    http,
    atOnce: Math.min(partsAtOnce, account.pace.concurrent),
    ...options,
  };
  return readReconciled(async () => {
    const answer = await readSlice({ ...reading, instead: knownRefusal(question) });
    if (answer.instead !== null)
      refusals.set(question, refusals.get(question) ?? { at: Date.now(), instead: answer.instead });
    return answer;
  }, options.kept);
}

/** First questions that an account's vendor refuses: asked again once a day, by each worker. */
const refusals = new Map<string, { at: number; instead: Instead }>();
const refusalHoldsMs = 24 * 3_600_000;

function knownRefusal(question: string): Instead | null {
  const known = refusals.get(question);
  if (known !== undefined && Date.now() - known.at < refusalHoldsMs) return known.instead;
  refusals.delete(question);
  return null;
}

function keysOf({ client, secrets, missing }: Account): Record<string, string> {
  if (secrets === null)
    throw new ConnectorError("unauthorized", `client ${client} has no key: set ${missing.join(", ")}`);
  return secrets;
}

const checkedAccounts = new Set<string>();

/** Once per account in each worker: does the vendor mean what we take its answers for? */
async function checkAccount(
  { vendor }: AnySource,
  account: Account,
  secrets: Record<string, string>,
  http: Http,
): Promise<void> {
  const name = `${account.name} ${account.baseUrl}`;
  if (vendor.check === undefined || checkedAccounts.has(name)) return;
  const problem = vendor.check(await http.json(await vendor.probe(secrets, account.settings)));
  if (problem !== null) throw new ConnectorError("malformed", problem);
  checkedAccounts.add(name);
}

/** Rows that do not add up to the vendor's total may have been read while the day moved: read twice more, then kept as they are. */
async function readReconciled(read: () => Promise<SliceAnswer>, kept: KeptParts | undefined): Promise<SliceAnswer> {
  let answer = await read();
  for (let again = 0; again < 2 && !isReconciled(answer); again += 1) {
    await answer.discard();
    await kept?.drop();
    answer = await read();
  }
  return answer;
}

export function targetOf(source: AnySource, client: string, day: string): MergeTarget {
  return {
    client,
    source: source.name,
    day,
    timezone: source.slices.timezone,
    table: source.table as MergeTarget["table"],
    amount: amountOf(source),
    answers: source.answers,
    keyedBy: source.keyedBy,
  };
}

export function amountOf({ table, amount, currency }: AnySource): Amount {
  const columns = mergeColumns(table as MergeTarget["table"]);
  const named = (property: string) => columns.find((column) => column.property === property)?.name ?? property;
  return {
    column: named(amount),
    ...(currency === undefined ? {} : { currency: { column: named(currency.column), summed: currency.summed } }),
  };
}
