import type { VNode } from "preact";
import { z } from "zod";
import { comparedDays } from "../../core/days.ts";
import {
  readPulls,
  readSpendByCampaign,
  readSpendByDay,
  readSpendBySource,
  readSpendCalendar,
  readSpendTotal,
  type Compared,
  type DaySpend,
  type SpendCalendar,
  type SpendTotal,
} from "../../queries/cost/spend.ts";
import { daysToCompare, paceOf, type PaceHour } from "../../rules/cost/pace.ts";
import { word } from "../../api/server/lists.ts";
import { denseScripts, LineChart } from "../components/charts.tsx";
import { Change, countText, moneyText, Name, None, Origin } from "../components/format.tsx";
import { Empty, ExportLink, Fact, factsOf, Figure, Notice, PageHead, PeriodPicker } from "../components/parts.tsx";
import { sortNames, sortRows, Table, type TableProps } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import { download, page } from "../shared/page.tsx";
import { periodQuery, readPeriod, type Period } from "../shared/period.ts";
import { readers, withQuery, type At, type Web } from "../shared/web.ts";
import { whyAddress } from "../cost/why-query.ts";
import { campaignColumns, dayColumns, hourColumns, sourceColumns } from "./columns.tsx";
import { ByNow, lastRead, Pace } from "./pace.tsx";

const views = ["source", "campaign", "day", "hour"] as const;
type View = (typeof views)[number];
const viewNames: Record<View, string> = {
  source: "By source",
  campaign: "By campaign",
  day: "By day",
  hour: "By hour",
};

const sample = { currency: "USD", to: () => "" };
const sorts = [
  ...new Set([
    ...sortNames(sourceColumns(sample)),
    ...sortNames(campaignColumns(sample)),
    ...sortNames(dayColumns(sample, false)),
  ]),
];
const query = {
  ...periodQuery,
  by: z.enum(views).optional(),
  sourceId: word.optional(),
  campaignId: word.optional(),
  sort: z.enum(sorts as [string, ...string[]]).optional(),
};
type SpendQuery = z.output<z.ZodObject<typeof query>>;

/** What was spent: by traffic source, by day, and hour by hour. */
export function spendPages(web: Web): void {
  page(web, { url: "/spend", who: readers, query }, async (at) => {
    const asked = await readAsked(at);
    const { period, calendar, of } = asked;
    const [totals, pace, table] = await Promise.all([
      readSpendTotal(at.parts.reading, of),
      readPace(at, asked),
      readTable(at, asked),
    ]);
    return {
      title: "Spend",
      scripts: table.scripts ?? [],
      body: (
        <>
          <PageHead
            title="Spend"
            lead={`What Redtrack reports, in ${calendar.currency}. Its days and hours are those of ${calendar.timezone.replaceAll("_", " ")}.`}
          >
            <ExportLink url={at.url} />
          </PageHead>
          <PeriodPicker url={at.url} period={period} />
          {of.sourceId === undefined ? null : (
            <Notice tone="note">
              Only source <Name of={of.sourceId} />.{" "}
              <a href={withQuery(at.url, { sourceId: null })}>Show all sources</a>
            </Notice>
          )}
          {asked.by === "campaign" ? <OneCampaign at={at} asked={asked} /> : null}
          {calendar.origin === "sandbox" ? (
            <Notice tone="warning">
              <Origin of="sandbox" /> A mock server made these figures up: no key for Redtrack is set.
            </Notice>
          ) : null}
          <Totals totals={totals} asked={asked} pace={pace} json={jsonOf("day", asked)} />
          <section class="panel" aria-labelledby="pace">
            <h2 id="pace">How {asked.day} went</h2>
            <Pace pace={pace} calendar={calendar} day={asked.day} json={jsonOf("hour", asked)} />
          </section>
          <nav class="period" aria-label="Shown by">
            {views.map((view) => (
              <a
                key={view}
                href={withQuery(at.url, { by: view, sort: null })}
                aria-current={view === asked.by ? "true" : undefined}
              >
                {viewNames[view]}
              </a>
            ))}
          </nav>
          {table.shown}
        </>
      ),
    };
  });

  download(web, { url: "/spend.csv", who: readers, query }, async (at) => {
    const asked = await readAsked(at);
    const { csv } = await readTable(at, asked);
    return { name: `spend-by-${asked.by}-${asked.period.from}-${asked.period.to}.csv`, text: csv };
  });
}

interface Asked {
  period: Period;
  calendar: SpendCalendar;
  of: Compared & { sourceId: string | undefined; campaignId: string | undefined };
  by: View;
  /** The last day of the period, whose hours are shown. */
  day: string;
}

async function readAsked({ parts, viewer, query: asked }: At<SpendQuery>): Promise<Asked> {
  const calendar = await readSpendCalendar(parts.reading, viewer.client);
  const period = readPeriod(asked, calendar.today);
  const { from, to, before } = period;
  const range = { from, to, before, compared: comparedDays({ from, to }, calendar.today) };
  const day = to > calendar.today ? calendar.today : to;
  return {
    period,
    calendar,
    day,
    of: { client: viewer.client, ...range, sourceId: asked.sourceId, campaignId: asked.campaignId },
    by: asked.by ?? "source",
  };
}

async function readPace({ parts }: At<SpendQuery>, { of, day }: Asked): Promise<PaceHour[]> {
  const { dayBefore, sameWeekdays } = daysToCompare(day);
  const { client, sourceId } = of;
  return paceOf(await readPulls(parts.reading, { client, sourceId, days: [day, dayBefore, ...sameWeekdays] }), day);
}

function jsonOf(view: View, { of, day }: Asked): string {
  const range = new URLSearchParams(view === "hour" ? { day } : { from: of.from, to: of.to });
  if (of.campaignId !== undefined && view === "campaign") range.set("campaignId", of.campaignId);
  if (of.sourceId !== undefined && (view === "day" || view === "hour")) range.set("sourceId", of.sourceId);
  return `/api/v1/cost/spend/${view}s?${range.toString()}`;
}

interface Shown {
  shown: VNode;
  csv: string;
  scripts?: readonly string[];
}

/** The table of the view, for the page and for its export. */
async function readTable(at: At<SpendQuery>, asked: Asked): Promise<Shown> {
  const { of, by, calendar, period } = asked;
  const around = {
    currency: calendar.currency,
    isRunning: isRunning(asked),
    compared: of.compared,
    to: (changed: Record<string, string | null>) => withQuery(at.url, changed),
  };
  const props = {
    zone: at.zone,
    caption: `Spend ${viewNames[by].toLowerCase()}, ${by === "hour" ? asked.day : `${period.from} to ${period.to}`}`,
    empty: <Nothing />,
  };
  const json = { url: jsonOf(by, asked), path: "items" };
  if (by === "hour") {
    const columns = hourColumns(around);
    const rows = await readPace(at, asked);
    return { shown: <Table {...props} columns={columns} rows={rows} json={json} />, csv: toCsv(columns, rows) };
  }
  if (by === "day") {
    const columns = dayColumns(around, of.sourceId !== undefined);
    const days = await readSpendByDay(at.parts.reading, of);
    const { shown, csv } = sorted(at, { ...props, columns, json }, days, "-date");
    const chart = <SpendPerDay days={days} asked={asked} json={json} />;
    return {
      shown: (
        <div class="stacked">
          {chart}
          {shown}
        </div>
      ),
      csv,
      scripts: denseScripts(days),
    };
  }
  if (by === "campaign") {
    const columns = campaignColumns(around);
    const campaigns = await readSpendByCampaign(at.parts.reading, of);
    return sorted(at, { ...props, columns, json, empty: <NoCampaigns /> }, campaigns, "-cost");
  }
  const asRead = await readSpendBySource(at.parts.reading, of);
  const rows = of.sourceId === undefined ? asRead : asRead.filter(({ sourceId }) => sourceId === of.sourceId);
  const columns = sourceColumns(around, Math.max(0, ...asRead.map(({ cost }) => Number(cost))));
  const indexOf = (row: (typeof rows)[number]) => asRead.indexOf(row);
  return sorted(at, { ...props, columns, json: { ...json, indexOf } }, rows, "-cost");
}

function sorted<Row>(
  { url, query: { sort: given } }: At<SpendQuery>,
  props: Omit<TableProps<Row>, "rows" | "url" | "sort">,
  asRead: readonly Row[],
  usual: string,
) {
  const sort = given !== undefined && sortNames(props.columns).includes(given) ? given : usual;
  const rows = sortRows(props.columns, asRead, sort);
  const indexOf = props.json?.indexOf ?? ((row: Row) => asRead.indexOf(row));
  const json = props.json === undefined ? undefined : { ...props.json, indexOf };
  return {
    shown: <Table {...props} rows={rows} url={url} sort={sort} json={json} />,
    csv: toCsv(
      props.columns.filter(({ isLocal }) => isLocal !== true),
      rows,
    ),
  };
}

const fewestDays = 3;

/** The days of the range as a line: where spend rose and fell, before anybody reads the table. */
function SpendPerDay({
  days,
  asked,
  json,
}: {
  days: readonly DaySpend[];
  asked: Asked;
  json: { url: string; path: string };
}) {
  const { currency, today } = asked.calendar;
  const over = days.filter(({ date, cost }) => date < today && cost !== null);
  if (over.length < fewestDays) return null;
  const byCost = [...over].sort((one, other) => Number(one.cost) - Number(other.cost));
  const [least, most] = [byCost[0], byCost.at(-1)];
  const ofDay = (day: DaySpend | undefined) =>
    day === undefined ? null : (
      <>
        <Fact of={factsOf(json.url)(`items.${days.indexOf(day)}.cost`, day.cost)}>
          {moneyText(day.cost ?? "0", currency)}
        </Fact>{" "}
        on {day.date}
      </>
    );
  const text = (amount: number) => moneyText(String(amount), currency);
  const line = days.toReversed();
  const values = line.map(({ cost }) => cost);
  return (
    <section class="panel" aria-labelledby="per-day-finding">
      <LineChart
        id="per-day"
        finding={
          <>
            Spend per day: between {ofDay(least)} and {ofDay(most)}.
          </>
        }
        labelName="Day"
        labels={line.map(({ date }) => date)}
        axisText={(amount) => text(amount).replace(/\.00$/, "")}
        series={[
          {
            name: "Spend",
            text,
            points: values.map((cost) => (cost === null ? null : Number(cost))),
            said: { field: "cost", values },
          },
        ]}
        json={{ ...json, indexOf: (label) => days.length - 1 - label }}
      />
    </section>
  );
}

/** One campaign, with where its change is explained. */
function OneCampaign({ at, asked: { of, calendar } }: { at: At<SpendQuery>; asked: Asked }) {
  const { campaignId, compared } = of;
  if (campaignId === undefined) return null;
  const asked = { ...(compared ?? of), whose: { campaignId } };
  return (
    <Notice tone="note">
      Only campaign <Name of={campaignId} />
      {compared === null
        ? ""
        : (["cpa", "cost"] as const).map((metric) => (
            <>
              {", "}
              <a href={whyAddress({ metric, ...asked })}>why its {metric === "cpa" ? "CPA" : "cost"} changed</a>
            </>
          ))}
      . Redtrack&rsquo;s own clicks, conversions and revenue, in {calendar.currency}: Everflow does not know
      Redtrack&rsquo;s campaigns. <a href={withQuery(at.url, { campaignId: null })}>Show all campaigns</a>
    </Notice>
  );
}

function NoCampaigns() {
  return (
    <Empty title="No spend by campaign was loaded for these days">
      <a href="/freshness">See which days of redtrack.campaign_spend are there</a>, and fetch the missing ones from that
      page.
    </Empty>
  );
}

function Nothing() {
  return (
    <Empty title="No spend was loaded for these days">
      <a href="/freshness">See which days are there</a>, and fetch the missing ones from that page.
    </Empty>
  );
}

interface TotalsProps {
  totals: SpendTotal;
  asked: Asked;
  pace: readonly PaceHour[];
  json: string;
}

function Totals({ totals, asked, pace, json }: TotalsProps) {
  const { calendar, period } = asked;
  const fact = (field: keyof SpendTotal) => ({ json, field: `totals.${field}`, value: String(totals[field] ?? "") });
  const amount = (value: string | null) =>
    value === null ? <None why="nothing was loaded" /> : moneyText(value, calendar.currency);
  const number = (value: number | null) => (value === null ? <None why="nothing was loaded" /> : countText(value));
  return (
    <div class="cards">
      <Figure label={`Spend, ${period.label.toLowerCase()}`} value={amount(totals.cost)} fact={fact("cost")}>
        {isRunning(asked) ? (
          <ByNow last={lastRead(pace)} />
        ) : (
          <>
            <Change
              now={totals.costOver}
              before={totals.costOverBefore}
              than={sameDays(asked)}
              of={{ json, now: "totals.costOver", before: "totals.costOverBefore" }}
              {...explained(asked)}
            />
            {isWhole(asked) ? null : "; without today, which is not over"}
          </>
        )}
      </Figure>
      <Figure label="The days before" value={amount(totals.costBefore)} fact={fact("costBefore")}>
        {period.before.from} to {period.before.to}
        {isRunning(asked) ? ", the whole day" : null}
        {totals.daysBefore < period.days ? `; spend on ${totals.daysBefore} of ${period.days} days` : null}
      </Figure>
      <Figure label="Clicks" value={number(totals.clicks)} fact={fact("clicks")} />
      <Figure label="Conversions" value={number(totals.conversions)} fact={fact("conversions")}>
        as Redtrack counts them
      </Figure>
      <Figure label="Revenue" value={amount(totals.revenue)} fact={fact("revenue")}>
        as Redtrack counts it
      </Figure>
    </div>
  );
}

/** Of one source: what all spent is more than what is a cost of theirs. */
function explained({ of: { sourceId, compared } }: Asked): { why?: string } {
  if (sourceId === undefined || compared === null) return {};
  return { why: whyAddress({ metric: "cost", ...compared, whose: { sourceId } }) };
}

const isWhole = ({ period: { to }, calendar: { today } }: Asked) => to < today;

/** What the days that are over are compared with. */
const sameDays = (asked: Asked) =>
  isWhole(asked)
    ? `the ${asked.period.days === 1 ? "day" : `${asked.period.days} days`} before`
    : `the same ${asked.period.days === 2 ? "day" : `${asked.period.days - 1} days`} of the period before`;

/** Only of the day that is not over: a part of it is compared with nothing that is whole. */
const isRunning = ({ period: { days, to }, calendar: { today } }: Asked) => days === 1 && to === today;
