import type { Account } from "../../settings/config.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import type { Http } from "../../connectors/http.ts";
import { readSlice, type SliceAnswer } from "../../connectors/slices/read-slice.ts";
import type { AnySource } from "../../connectors/source.ts";
import type { Amount, MergeTarget } from "../../queries/sync/shapes.ts";
import { isReconciled } from "../../queries/sync/trust.ts";
import { mergeColumns } from "../../schema/merge-key.ts";

export interface DayReading {
  source: AnySource;
  account: Account;
  day: string;
  onPage?: (page: number, rows: number) => void;
}

/** Reads a day from the vendor. */
export async function readDay({ source, account, day, ...options }: DayReading, http: Http): Promise<SliceAnswer> {
  const secrets = keysOf(account);
  await checkAccount(source, account, secrets, http);
  return readReconciled(() =>
    readSlice({ source, slice: { day, timezone: source.slices.timezone }, secrets, http, ...options }),
  );
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
  const problem = vendor.check(await http.json(vendor.probe(secrets, account.settings)));
  if (problem !== null) throw new ConnectorError("malformed", problem);
  checkedAccounts.add(name);
}

/** Rows that do not add up to the vendor's total may have been read while the day moved: read twice more, then kept as they are. */
async function readReconciled(read: () => Promise<SliceAnswer>): Promise<SliceAnswer> {
  let answer = await read();
  for (let again = 0; again < 2 && !isReconciled(answer); again += 1) {
    await answer.discard();
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
