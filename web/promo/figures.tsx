import { periods } from "../../rules/promo/period.ts";
import { isApart } from "../../rules/promo/rate.ts";
import { LineChart } from "../components/charts.tsx";
import { countText, moneyText, Name, None, Origin } from "../components/format.tsx";
import { Fact, Figure } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { withQuery } from "../shared/web.ts";
import type { Analytics, Cohort, Device, Funnel, Hour, Query } from "./answers.ts";

const names: Record<(typeof periods)[number], [string, string]> = {
  "7": ["7 days", "w"],
  "30": ["30 days", "m"],
  "90": ["90 days", "q"],
  "365": ["365 days", "y"],
  all: ["All days", "a"],
};

export function Periods({ url, days }: { url: URL; days: Query["days"] }) {
  return (
    <div class="period" role="group" aria-label="Period">
      {periods.map((name) => (
        <a
          key={name}
          href={withQuery(url, { days: name })}
          data-key={names[name][1]}
          aria-current={(days ?? "30") === name ? "true" : undefined}
        >
          {names[name][0]}
        </a>
      ))}
    </div>
  );
}

export const percentText = (percent: number) => `${percent.toFixed(2)} %`;

/** How sure a rate is, as a range. */
export function intervalText(interval: { low: number; high: number } | null): string | null {
  return interval === null ? null : `${interval.low.toFixed(2)} to ${interval.high.toFixed(2)} %`;
}

/** Both of its ends, as the answer has them. */
function Interval({ of }: { of: { low: number; high: number } }) {
  const end = (name: "low" | "high") => (
    <span data-field={`interval.${name}`} data-value={String(of[name])}>
      {of[name].toFixed(2)}
    </span>
  );
  return (
    <>
      {end("low")} to {end("high")} %
    </>
  );
}

interface Counted {
  impressions: number;
  clicks: number;
  interval: { low: number; high: number } | null;
}

export const whyNoInterval = ({ impressions }: Counted) =>
  impressions === 0 ? "not shown" : "more clicks than impressions, so its rate is not known";

/** A text beside the one with the highest rate, in words. */
export function standingOf(
  one: Counted & { id: number },
  leader: (Counted & { id: number }) | undefined,
  bestId: number | null,
) {
  if (one.interval === null) return whyNoInterval(one);
  if (one.id === bestId) return "the best";
  if (leader === undefined || one.id === leader.id) return "leads, but not yet distinguishable";
  return isApart(leader, one) ? "lower than the leading text" : "not yet distinguishable from the leading text";
}

/** Columns that offers, texts and cohorts share. */
export function rateColumns<Row extends Counted & { ctr: number | null }>(): Column<Row>[] {
  return [
    { name: "impressions", label: "Impressions", kind: "count", value: (row) => row.impressions },
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    {
      name: "ctr",
      label: "CTR",
      kind: "percent",
      value: (row) => row.ctr,
      show: ({ ctr }) => (ctr === null ? undefined : percentText(ctr)),
      why: () => "not shown",
    },
    {
      name: "interval",
      label: "95 % interval",
      kind: "text",
      value: (row) => intervalText(row.interval),
      show: ({ interval }) => (interval === null ? undefined : <Interval of={interval} />),
      why: whyNoInterval,
      isLocal: true,
      isExtra: true,
    },
  ];
}

export function rawColumns<Row extends { raw_clicks: number; bot_clicks: number }>(): Column<Row>[] {
  return [
    { name: "raw_clicks", label: "All clicks", kind: "count", value: (row) => row.raw_clicks, isExtra: true },
    { name: "bot_clicks", label: "Of bots", kind: "count", value: (row) => row.bot_clicks, isExtra: true },
  ];
}

export function Summary({ of: { summary, funnel }, json }: { of: Analytics; json: string }) {
  const fact = (field: string, value: unknown) => ({ json, field, value: String(value ?? "") });
  const { total_impressions: shown, total_clicks: clicks, overall_ctr: ctr, raw_clicks: raw, interval } = summary;
  return (
    <div class="cards">
      <Figure label="Impressions" value={countText(shown)} fact={fact("summary.total_impressions", shown)}>
        recipients
      </Figure>
      <Figure label="Clicks" value={countText(clicks)} fact={fact("summary.total_clicks", clicks)}>
        of people; <Fact of={fact("summary.raw_clicks", raw)}>{countText(raw)}</Fact> with bots and repeats
      </Figure>
      <Figure label="CTR" value={ctr === null ? "–" : percentText(ctr)} fact={fact("summary.overall_ctr", ctr)}>
        {interval === null ? (
          shown === 0 ? (
            "nothing was shown"
          ) : (
            "more clicks than impressions"
          )
        ) : (
          <>
            <Fact of={fact("summary.interval.low", interval.low)}>{interval.low.toFixed(2)}</Fact> to{" "}
            <Fact of={fact("summary.interval.high", interval.high)}>{interval.high.toFixed(2)}</Fact> %
          </>
        )}
      </Figure>
      <Figure
        label="Conversions"
        value={countText(funnel.conversions)}
        fact={fact("funnel.conversions", funnel.conversions)}
      >
        of these clicks
      </Figure>
    </div>
  );
}

export function CtrChart({ of: { timeline, summary }, json }: { of: Analytics; json: string }) {
  const days = timeline.toReversed();
  const rates = days.map(({ ctr }) => ctr);
  const known = days.flatMap(({ date, ctr }) => (ctr === null ? [] : [{ date, ctr }]));
  const last = known.at(-1);
  return (
    <LineChart
      id="ctr"
      finding={
        last === undefined ? (
          "Nothing was shown in these days."
        ) : (
          <>
            CTR per day, {summary.date_range.start} to {summary.date_range.end}; last on {last.date}:{" "}
            <Fact
              of={{
                json,
                field: `timeline.${timeline.findIndex(({ date }) => date === last.date)}.ctr`,
                value: String(last.ctr),
              }}
            >
              {percentText(last.ctr)}
            </Fact>
            . A day without impressions has none.
          </>
        )
      }
      labels={days.map(({ date }) => date)}
      labelName="Day"
      series={[{ name: "CTR", points: rates, text: percentText, said: { field: "ctr", values: rates } }]}
      json={{ url: json, path: "timeline", indexOf: (label) => timeline.length - 1 - label }}
      axisText={(value) => `${value} %`}
    />
  );
}

/** A page of a year would be as long as the year. */
const latestCohorts = 14;

export function Cohorts({ of: { cohorts }, json, zone }: { of: Analytics; json: string; zone: string }) {
  const columns: Column<Cohort>[] = [
    { name: "date", label: "Sent on", kind: "day", value: (row) => row.date },
    { name: "sends", label: "Sends", kind: "count", value: (row) => row.sends, isExtra: true },
    ...rateColumns<Cohort>(),
  ];
  const caption = "Clicks by the day of the send they belong to, however late they came";
  const part = (rows: readonly Cohort[], name: string, from: number) => (
    <Table
      columns={columns}
      rows={rows}
      caption={name}
      zone={zone}
      json={{ url: json, path: "cohorts", indexOf: (row) => from + rows.indexOf(row) }}
    />
  );
  const earlier = cohorts.slice(latestCohorts);
  return (
    <>
      {part(cohorts.slice(0, latestCohorts), caption, 0)}
      {earlier.length === 0 ? null : (
        <details>
          <summary>{countText(earlier.length)} earlier days</summary>
          {part(earlier, `${caption}: earlier days`, latestCohorts)}
        </details>
      )}
    </>
  );
}

export function Devices({ of: { devices }, json, zone }: { of: Analytics; json: string; zone: string }) {
  const columns: Column<Device>[] = [
    { name: "device", label: "Device", kind: "text", value: (row) => row.device },
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    { name: "raw_clicks", label: "All clicks", kind: "count", value: (row) => row.raw_clicks },
  ];
  return (
    <Table
      columns={columns}
      rows={devices}
      caption="Clicks by device"
      zone={zone}
      json={{ url: json, path: "devices" }}
    />
  );
}

const weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** Every cell has its number: the shade only helps. */
export function Hours({ of: { hours, summary }, json }: { of: Analytics; json: string }) {
  const most = Math.max(1, ...hours.map(({ clicks }) => clicks));
  const shade = ({ clicks }: Hour) => (clicks === 0 ? "" : `heat${Math.min(4, Math.ceil((4 * clicks) / most))}`);
  const caption = `Clicks of people by weekday and hour, ${summary.timezone.replaceAll("_", " ")}`;
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table class="heat" data-json={json}>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Hour</th>
            {Array.from({ length: 24 }, (_, hour) => (
              <th key={hour} scope="col" class="figure">
                {hour}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weekdays.map((name, index) => (
            <tr key={name} data-row="hours">
              <th scope="row">{name}</th>
              {hours
                .filter(({ weekday }) => weekday === index + 1)
                .map((one) => (
                  <td
                    key={one.hour}
                    class={`figure ${shade(one)}`}
                    data-field={`${hours.indexOf(one)}.clicks`}
                    data-value={String(one.clicks)}
                  >
                    {one.clicks === 0 ? "" : countText(one.clicks)}
                  </td>
                ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

type Steps = Pick<Funnel, "impressions" | "clicks" | "conversions" | "conversion_rate" | "payout">;

/** From the impression to the payout. Each currency, and what the sandbox made up, on its own. */
export function funnelColumns<Row extends Steps>(): Column<Row>[] {
  return [
    { name: "impressions", label: "Impressions", kind: "count", value: (row) => row.impressions },
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    { name: "conversions", label: "Conversions", kind: "count", value: (row) => row.conversions },
    {
      name: "conversion_rate",
      label: "per click",
      kind: "percent",
      value: (row) => row.conversion_rate,
      show: ({ conversion_rate: rate }) => (rate === null ? undefined : percentText(rate)),
      why: () => "no clicks",
      isExtra: true,
    },
    {
      name: "payout",
      label: "Payout",
      kind: "text",
      value: (row) => row.payout.map(({ payout, currency }) => `${payout ?? "?"} ${currency ?? ""}`.trim()).join("; "),
      show: ({ payout }) => (payout.length === 0 ? <None why="no conversion came back" /> : <Payouts of={payout} />),
      isLocal: true,
    },
  ];
}

/** What is known; a conversion without an amount is counted, and pays nothing that could be shown. */
function Payouts({ of }: { of: Steps["payout"] }) {
  const known = of.flatMap(({ payout, ...one }, index) => (payout === null ? [] : [{ ...one, payout, index }]));
  if (known.length === 0) return <None why="the conversions came without an amount" />;
  return (
    <ul class="plain">
      {known.map(({ currency, origin, payout, index }) => (
        <li key={`${currency}/${origin}`} data-field={`payout.${index}.payout`} data-value={payout}>
          {moneyText(payout, currency ?? "")} <Origin of={origin} />
        </li>
      ))}
    </ul>
  );
}

export function Commission({ of: { funnel }, json, zone }: { of: Analytics; json: string; zone: string }) {
  type Row = Funnel["by_affiliate"][number];
  const money = (
    name: "payout" | "revenue" | "spend" | "cost" | "profit",
    label: string,
    isExtra = false,
  ): Column<Row> => ({
    name,
    label,
    kind: "money",
    value: (row) => row[name],
    currency: (row) => row.currency ?? "",
    why: () => (name === "spend" ? "not an internal affiliate, or no spend is known" : "not known"),
    isExtra,
  });
  const columns: Column<Row>[] = [
    {
      name: "affiliate",
      label: "Affiliate",
      kind: "text",
      value: (row) => row.affiliate,
      show: ({ affiliate, affiliate_id: id, origin }) => (
        <>
          <Name of={affiliate ?? id ?? "no affiliate named"} /> <Origin of={origin} />
        </>
      ),
    },
    { name: "conversions", label: "Conversions", kind: "count", value: (row) => row.conversions },
    money("payout", "Commission"),
    money("revenue", "Revenue", true),
    money("spend", "Spend", true),
    money("cost", "Cost", true),
    money("profit", "Profit"),
    {
      name: "roi",
      label: "ROI",
      kind: "percent",
      value: (row) => row.roi,
      show: ({ roi }) => (roi === null ? undefined : percentText(roi)),
      why: () => "no cost is known",
    },
  ];
  return (
    <Table
      columns={columns}
      rows={funnel.by_affiliate}
      caption="Commission and return of these conversions, per affiliate and currency"
      zone={zone}
      json={{ url: json, path: "funnel.by_affiliate" }}
      empty={<p>No conversion came back with the id of one of these clicks.</p>}
    />
  );
}
