import { addDays } from "../../core/days.ts";
import { sumMoney, toMicros } from "../../core/money.ts";
import { type Database, inTransaction, type Queryable, type Session } from "../../schema/database.ts";

export const periods = ["1d", "7d", "30d", "all"] as const;
export type Period = (typeof periods)[number];

export interface Refreshed {
  client: string;
  asOf: string;
  creatives: number;
  campaigns: number;
}

/** One import or refresh of a client at a time, to the end of the transaction. Always the first lock that is taken. */
export async function lockPerformance(session: Session, client: string): Promise<void> {
  await session.query("select pg_advisory_xact_lock(hashtextextended('rtb.performance/' || $1, 0))", [client]);
}

/**
 * For statements that go through all of something: of tables just filled the planner knows too little, and a loop that
 * it takes for short is the one mistake that costs minutes.
 */
export async function withoutLoops<Result>(session: Session, work: () => Promise<Result>): Promise<Result> {
  await session.query("set local enable_nestloop = off");
  const result = await work();
  await session.query("set local enable_nestloop = on");
  return result;
}

/**
 * Days of a period, as distances from today. 1d is the last day that is over. The one before has as many, without the day that
 * would be held against the running one.
 */
const windows = [
  { period: "1d", from: 1, to: 1 },
  { period: "7d", from: 6, to: 0 },
  { period: "30d", from: 29, to: 0 },
] as const;
const daysLookedBack = 60;

const measures = ["spend", "impressions", "clicks"] as const;

/** Columns of rtb.creative_performance that hold periods with an end, and how each is summed; `today` is a parameter's name. */
function windowSums(today: string): { column: string; sum: string }[] {
  const between = (from: number, to: number) => `date between ${today}::date - ${from} and ${today}::date - ${to}`;
  const ofToday = { column: "spend_today", sum: `sum(spend) filter (where ${between(0, 0)})` };
  const ofPeriods = windows.flatMap(({ period, from, to }) => {
    const length = from - to + 1;
    return [
      ...measures.map((measure) => ({
        column: `${measure}_${period}`,
        sum: `sum(${measure}) filter (where ${between(from, to)})`,
      })),
      {
        column: `previous_spend_${period}`,
        sum: `sum(spend) filter (where ${between(from + length, Math.max(to, 1) + length)})`,
      },
    ];
  });
  return [...ofPeriods, ofToday];
}
/**
 * What rows are added up to, as the temporary table `parts`: by creative, country, and day of those that periods look back
 * at; all earlier days together have none. `date` is a column, `today` a parameter's name.
 */
export const recentDay = (date: string, today: string) =>
  `case when ${date} > ${today}::date - ${daysLookedBack} then ${date} end`;

export async function openParts(session: Session): Promise<void> {
  await session.query(
    `create temp table parts (creative_id bigint, geography text collate "C", date date, rows bigint, impressions numeric, clicks numeric, spend numeric) on commit drop`,
  );
}

/** How parts are added up, in SQL. */
interface PartSums {
  whole: (of: string) => string;
  money: (of: string) => string;
}
const ofAnySize: PartSums = { whole: (of) => `sum(${of})`, money: (of) => `sum(${of})` };
const inEightBytes: PartSums = {
  whole: (of) => `rtb.add_up(${of})`,
  money: (of) => `rtb.add_up((${of} * 1000000)::bigint) * 0.000001`,
};
const mostInEightBytes = 9_000_000_000_000_000_000n;

/** Where everything together fits eight bytes, parts of it do: to add them up so costs half as much. `all` are exact sums of what is never negative. */
export function partSums(all: readonly { impressions: string; clicks: string; spend: string }[]): PartSums {
  const total = (of: (typeof measures)[number]) => toMicros(sumMoney(all.map((one) => one[of])));
  // Counts are looked at in millionths, too: far more than anybody has.
  return measures.every((measure) => total(measure) < mostInEightBytes) ? inEightBytes : ofAnySize;
}

/** What an import changed, per creative, as the temporary table `touched`, and per country in sums that only grow by rows of their own. */
export async function addUpParts(session: Session, client: string): Promise<void> {
  await session.query(
    `create temp table touched on commit drop as
     select creative_id, sum(impressions) as impressions, sum(clicks) as clicks, sum(spend) as spend from pg_temp.parts group by creative_id`,
  );
  await addCountries(session, client);
}

/** A day's sums of a country are one row: a row of its own for every creative would cost an import four times as much. */
async function addCountries(session: Session, client: string): Promise<void> {
  await session.query(
    `insert into rtb.country_sums (_client_id, geography, date, creatives, rows, impressions, clicks, spend)
     select $1, geography, date, array_agg(creative_id), array_agg(rows), array_agg(impressions::bigint), array_agg(clicks::bigint), array_agg(spend)
       from pg_temp.parts where geography <> '' and (rows <> 0 or impressions <> 0 or clicks <> 0 or spend <> 0) group by geography, date`,
    [client],
  );
}

const windowColumns = windowSums("$2").map(({ column }) => column);
const windowSelect = windowSums("$2").map(({ column, sum }) => `coalesce(${sum}, 0) as ${column}`);
const allColumns = measures.map((measure) => `${measure}_all`);

/**
 * Adds what an import changed to the roll-ups, in the import's transaction: the sums of all days by difference, which is
 * exact, those of periods again for the creatives it touched. `touched` is a temporary table of creative_id and by how much
 * more impressions, clicks and spend there are.
 */
export async function rollUp(
  session: Session,
  of: { client: string; today: string; from: string; to: string },
): Promise<void> {
  const { client } = of;
  const known = await readAsOf(session, client);
  // A clock that is behind does not turn periods back.
  const today = known === null || known < of.today ? of.today : known;
  const isNewDay = known !== today;
  const isRecent = of.to > addDays(today, -daysLookedBack);
  await session.query("analyze pg_temp.touched");
  const sums = isRecent
    ? `left join (select creative_id, ${windowSelect.join(", ")} from rtb.performance_metrics
                   where _client_id = $1 and date > $2::date - ${daysLookedBack} and date <= $2::date
                     and creative_id in (select creative_id from pg_temp.touched) group by creative_id) w using (creative_id)`
    : "";
  const written = isRecent ? [...windowColumns, ...allColumns] : allColumns;
  await session.query(
    `insert into rtb.creative_performance as p (_client_id, creative_id, ${written.join(", ")})
     select $1, creative_id, ${isRecent ? windowColumns.map((column) => `coalesce(w.${column}, 0)`).join(", ") + "," : ""} t.spend, t.impressions, t.clicks
       from pg_temp.touched t ${sums} ${isRecent ? "" : "where $2::date is not null"}
     on conflict on constraint creative_performance_key do update
       set ${[...(isRecent ? windowColumns.map((column) => `${column} = excluded.${column}`) : []), ...allColumns.map((column) => `${column} = p.${column} + excluded.${column}`)].join(", ")}`,
    [client, today],
  );
  if (isNewDay && known !== null) await withoutLoops(session, () => rollWindows(session, { client, today }));
  await finish(session, { client, today, campaigns: isNewDay ? "all" : "touched" });
}

async function readAsOf(database: Queryable, client: string): Promise<string | null> {
  const { rows } = await database.query<{ asOf: string }>(
    `select as_of as "asOf" from rtb.client_performance where _client_id = $1`,
    [client],
  );
  return rows[0]?.asOf ?? null;
}

/** Computes the periods of all creatives again: their sums of all days stay as they are. */
async function rollWindows(session: Session, { client, today }: { client: string; today: string }): Promise<void> {
  await session.query("create temp table windows (like rtb.creative_performance including defaults) on commit drop");
  await session.query(
    `insert into pg_temp.windows (_client_id, creative_id, ${windowColumns.join(", ")})
     select $1, creative_id, ${windowSelect.join(", ")} from rtb.performance_metrics
      where _client_id = $1 and date > $2::date - ${daysLookedBack} and date <= $2::date group by creative_id`,
    [client, today],
  );
  await session.query("analyze pg_temp.windows");
  await session.query(
    `insert into pg_temp.windows (_client_id, creative_id, ${windowColumns.join(", ")})
     select $1, creative_id, ${windowColumns.map(() => "0").join(", ")} from rtb.creative_performance p
      where _client_id = $1 and not exists (select from pg_temp.windows w where w.creative_id = p.creative_id)`,
    [client],
  );
  const list = (alias: string) => windowColumns.map((column) => `${alias}.${column}`).join(", ");
  await session.query(
    `update rtb.creative_performance p set ${windowColumns.map((column) => `${column} = w.${column}`).join(", ")}
       from pg_temp.windows w
      where p._client_id = $1 and p.creative_id = w.creative_id and (${list("p")}) is distinct from (${list("w")})`,
    [client],
  );
}

/** What follows from the sums per creative. */
async function finish(
  session: Session,
  of: { client: string; today: string; campaigns: "all" | "touched" },
): Promise<number> {
  await session.query(
    `insert into rtb.client_performance (_client_id, as_of) values ($1, $2)
     on conflict on constraint client_performance_key do update set as_of = excluded.as_of, refreshed_at = now()`,
    [of.client, of.today],
  );
  for (const period of periods) await renewTier(session, of.client, period);
  const touched =
    of.campaigns === "all"
      ? ""
      : "and campaign_id in (select k.campaign_id from rtb.campaign_creatives k join pg_temp.touched t using (creative_id) where k._client_id = $1)";
  return renewCampaigns(session, of, touched, []);
}

/** Two places in the period's index: the last of the top quarter and the first of the bottom quarter, of those that spent. */
async function renewTier(session: Session, client: string, period: Period): Promise<void> {
  const spend = `spend_${period}`;
  const spenders = `from rtb.creative_performance where _client_id = $1 and ${spend} > 0`;
  await session.query(
    `with n as (select count(*)::int as spenders ${spenders})
     insert into rtb.spend_tiers (_client_id, period, spenders, high_from, low_to)
     select $1, $2, n.spenders,
            (select ${spend} ${spenders} order by ${spend} desc, creative_id offset greatest((n.spenders + 3) / 4 - 1, 0) limit 1),
            (select ${spend} ${spenders} order by ${spend} desc, creative_id offset greatest(n.spenders - (n.spenders + 3) / 4, 0) limit 1)
       from n
     on conflict on constraint spend_tiers_key do update
       set spenders = excluded.spenders, high_from = excluded.high_from, low_to = excluded.low_to`,
    [client, period],
  );
}

/** Ratios are ratios of sums. A campaign whose creatives have no performance has sums of zero and no ratios. */
async function renewCampaigns(
  session: Session,
  { client, today }: { client: string; today: string },
  condition: string,
  values: unknown[],
): Promise<number> {
  const top = (column: string) =>
    `select distinct on (campaign_id) campaign_id, ${column} as top from (
       select k.campaign_id, m.${column}, sum(m.spend) as spend
         from chosen join rtb.campaign_creatives k using (_client_id, campaign_id) join recent m on m.creative_id = k.creative_id
        where m.${column} <> '' group by 1, 2) s
      where spend > 0 order by campaign_id, spend desc, ${column}`;
  const renewed = await session.query(
    `with chosen as materialized (
       select _client_id, campaign_id from rtb.campaigns where _client_id = $1 ${condition} order by campaign_id for update
     ), recent as materialized (
       select creative_id, geography, device_type, sum(spend) as spend from rtb.performance_metrics
        where _client_id = $1 and date between $2::date - 6 and $2::date
          and creative_id in (select k.creative_id from chosen join rtb.campaign_creatives k using (_client_id, campaign_id))
        group by 1, 2, 3
     ), sums as (
       select chosen.campaign_id, coalesce(sum(p.spend_7d), 0) as spend_7d, coalesce(sum(p.spend_30d), 0) as spend_30d, coalesce(sum(p.spend_all), 0) as spend_all,
              sum(p.clicks_7d) as clicks_7d, sum(p.impressions_7d) as impressions_7d
         from chosen left join rtb.campaign_creatives k using (_client_id, campaign_id) left join rtb.creative_performance p using (_client_id, creative_id)
        group by chosen.campaign_id
     )
     update rtb.campaigns c
        set total_spend_7d = s.spend_7d, total_spend_30d = s.spend_30d, total_spend_all_time = s.spend_all,
            avg_cpc_7d = s.spend_7d / nullif(s.clicks_7d, 0), avg_cpm_7d = s.spend_7d * 1000 / nullif(s.impressions_7d, 0),
            top_geography = g.top, top_device_type = d.top, last_performance_update = now()
       from sums s left join (${top("geography")}) g using (campaign_id) left join (${top("device_type")}) d using (campaign_id)
      where c._client_id = $1 and c.campaign_id = s.campaign_id`,
    [client, today, ...values],
  );
  return renewed.rowCount ?? 0;
}

/** Computes all roll-ups of a client again from the rows: nightly, and on demand. */
export async function refreshAggregates(database: Database, of: { client: string; today: string }): Promise<Refreshed> {
  const refreshed = await inTransaction(database, async (session) => {
    await session.query("set local work_mem = '192MB'; set local jit = off; set local statement_timeout = '15min'");
    await lockPerformance(session, of.client);
    const known = await readAsOf(session, of.client);
    const today = known !== null && known > of.today ? known : of.today;
    const columns = [...windowColumns, ...allColumns];
    await openParts(session);
    await session.query(
      `insert into pg_temp.parts
       select creative_id, geography, ${recentDay("date", "$2")}, count(*), sum(impressions), sum(clicks), sum(spend)
         from rtb.performance_metrics where _client_id = $1 group by 1, 2, 3`,
      [of.client, today],
    );
    await session.query("delete from rtb.country_sums where _client_id = $1", [of.client]);
    await addCountries(session, of.client);
    await session.query("create temp table recomputed (like rtb.creative_performance) on commit drop");
    const { rowCount: creatives } = await session.query(
      `insert into pg_temp.recomputed (_client_id, creative_id, ${columns.join(", ")})
       select $1, creative_id, ${windowSelect.join(", ")}, ${measures.map((measure) => `sum(${measure})`).join(", ")}
         from pg_temp.parts group by creative_id`,
      [of.client, today],
    );
    await session.query("analyze pg_temp.recomputed");
    await session.query(
      `delete from rtb.creative_performance p where _client_id = $1 and not exists (select from pg_temp.recomputed a where a.creative_id = p.creative_id)`,
      [of.client],
    );
    const list = (alias: string) => columns.map((column) => `${alias}.${column}`).join(", ");
    await session.query(
      `insert into rtb.creative_performance as p (_client_id, creative_id, ${columns.join(", ")})
       select $1, creative_id, ${columns.join(", ")} from pg_temp.recomputed order by creative_id
       on conflict on constraint creative_performance_key do update set ${columns.map((column) => `${column} = excluded.${column}`).join(", ")}
        where (${list("p")}) is distinct from (${list("excluded")})`,
      [of.client],
    );
    const campaigns = await finish(session, { client: of.client, today, campaigns: "all" });
    return { client: of.client, asOf: today, creatives: creatives ?? 0, campaigns };
  });
  await learnSizes(database);
  return refreshed;
}

/**
 * Gives the planner new statistics of roll-ups that were just filled or have doubled: without them it sorts all of a client's creatives
 * for a page of fifty. After the commit and not within it, because ANALYZE would keep imports of other clients waiting to its end.
 */
export async function learnSizes(database: Database): Promise<void> {
  const { rowCount } = await database.query(
    "select from pg_class where oid = 'rtb.creative_performance'::regclass and pg_relation_size(oid) > 2 * relpages * current_setting('block_size')::bigint",
  );
  if (rowCount !== 0) await database.query("analyze rtb.creative_performance");
}

/** Moves the periods on when the client's day is over: what readers call first, so that yesterday's window is not shown as today's. */
export async function ensureFresh(database: Database, of: { client: string; today: string }): Promise<void> {
  const before = await readAsOf(database, of.client);
  if (before !== null && before >= of.today) return;
  await inTransaction(database, async (session) => {
    await lockPerformance(session, of.client);
    // Read again: whoever held the lock has mostly done it.
    const known = await readAsOf(session, of.client);
    if (known !== null && known >= of.today) return;
    await session.query("set local work_mem = '192MB'; set local jit = off");
    await withoutLoops(session, () => rollWindows(session, of));
    await finish(session, { ...of, campaigns: "all" });
  });
}

/** For campaigns whose creatives have changed. Same transaction as the change. */
export async function refreshCampaigns(
  session: Session,
  of: { client: string; campaignIds: readonly number[] },
): Promise<void> {
  const today = await readAsOf(session, of.client);
  if (today === null) return;
  await renewCampaigns(session, { client: of.client, today }, "and campaign_id = any($3)", [of.campaignIds]);
}
