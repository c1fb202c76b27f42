import { addDays } from "../../core/days.ts";
import { closeMonth } from "../../queries/payouts/close-month.ts";
import { setAccount } from "../../queries/payouts/accounts.ts";
import { nextMonth } from "../../rules/payouts/months.ts";
import { inTransaction, type Queryable } from "../../schema/database.ts";
import { commandLineActor } from "../shared/audit.ts";
import type { Area, Demo, Show } from "./demo.ts";
import { readDay, withFault } from "./readings.ts";

const vendor = "everflow";
const source = "everflow.conversions";
const months = 2;

/** Two months closed, the second with corrections of the first, and the third open; affiliates that claims hold money of. */
export const statements: Area = {
  name: "statements",
  vendors: [vendor],
  counted: `select (select count(*) from payouts.accounts where _client_id = $1)::int
                 + (select count(*) from payouts.statements where _client_id = $1 and month <= $3::date and $2::date <= $3::date)::int as rows`,
  async fill(demo, show) {
    const key = demo.context.config.statementKey;
    if (key === null) return "STATEMENT_SIGNING_KEY is not set";
    await link(demo);
    const over = await monthsToClose(demo);
    for (const [index, month] of over.entries()) {
      show(`${month} is closed`);
      const day = await busyDay(demo, month);
      const closing = {
        client: demo.client,
        month,
        by: commandLineActor(),
        key,
        reason: "days before the demo",
        startHere: index === 0,
        now: demo.now,
      };
      const database = await demo.context.database();
      const close = () => inTransaction(database, (session) => closeMonth(session, closing));
      if (day === null || index > 0) await close();
      else await restateAround(demo, day, close, show);
    }
    return undefined;
  },
};

/** Whose claims are whose: one affiliate that is not reliable, and one that is. */
async function link({ client, context }: Demo): Promise<void> {
  const database = await context.database();
  const { rows } = await database.query<{ affiliateId: string; reconAffiliateId: number }>(
    `select e.affiliate_id as "affiliateId", r.affiliate_id as "reconAffiliateId"
       from (select affiliate_id, row_number() over (order by sum(payout) desc, affiliate_id) as place from everflow.daily_stats where _client_id = $1 group by 1) e
       join (select affiliate_id, row_number() over (order by trust_score desc, total_submissions desc, affiliate_id) as place, 2 as wanted from recon.affiliates where _client_id = $1 and origin = 'sandbox'
              union all
             select affiliate_id, row_number() over (order by trust_score, total_submissions desc, affiliate_id), 4 from recon.affiliates where _client_id = $1 and origin = 'sandbox') r
         on r.place = 1 and r.wanted = e.place
      where not exists (select from payouts.accounts a where a._client_id = $1)`,
    [client],
  );
  const by = commandLineActor().actor;
  for (const account of rows)
    await inTransaction(database, (session) =>
      setAccount(session, { client, ...account, hold: "automatic", reason: null, by }),
    );
}

/** The last months that are over, as far as the demo has days of them; none once something is closed. */
async function monthsToClose({ client, context, today, days }: Demo): Promise<string[]> {
  const { rows } = await (
    await context.database()
  ).query("select 1 from payouts.closings where _client_id = $1 limit 1", [client]);
  if (rows.length > 0) return [];
  const over = new Set(days.map((day) => day.slice(0, 7)).filter((month) => month < today.slice(0, 7)));
  return [...over].slice(-months);
}

async function busyDay({ client, context }: Demo, month: string): Promise<string | null> {
  return (
    (await busiest(await context.database(), client, [`${month}-01`, addDays(`${nextMonth(month)}-01`, -1)])) ?? null
  );
}

async function busiest(database: Queryable, client: string, [from, to]: [string, string]): Promise<string | undefined> {
  const { rows } = await database.query<{ date: string }>(
    `select date from everflow.conversions where _client_id = $1 and date between $2 and $3 and status = 'approved' group by date order by count(*) desc, date limit 1`,
    [client, from, to],
  );
  return rows[0]?.date;
}

/** Some conversions are pending when their month is closed, and some approved that are refused later; the sandbox says in the end what it said before. */
async function restateAround(demo: Demo, day: string, close: () => Promise<unknown>, show: Show): Promise<void> {
  const place = { source, day };
  show(`${day} has conversions that are decided on after their month is closed`);
  const fault = (status: string, every: number) => ({ vendor, day, kind: "set_status", status, every });
  await withFault(demo, fault("approved", 3), () => withFault(demo, fault("pending", 7), () => readDay(demo, place)));
  await close();
  await readDay(demo, place);
}
