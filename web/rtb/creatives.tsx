import { Fragment } from "preact";
import { z } from "zod";
import { creativeSorts, tiers } from "../../queries/rtb/creative-shapes.ts";
import { periods } from "../../queries/rtb/rollups.ts";
import { word } from "../../api/server/lists.ts";
import type { ServerParts } from "../../api/server/parts.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { Badge, countText, moneyText, Name, None, Origin, type Tone } from "../components/format.tsx";
import { Empty, ExportLink, Kept, NextPage, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callUpTo, jsonAddress } from "../shared/json.ts";
import { page } from "../shared/page.tsx";
import { readers, withQuery, type At, type Web } from "../shared/web.ts";
import { creativeAddress, rtb, type Creative } from "./answers.ts";

/** Up to so many stand on one page as cards, of which the browser lays out what is in sight; more are paged. */
const mostCards = 1_000;
const query = {
  period: z.enum(periods).optional(),
  sort: z.enum(creativeSorts).optional(),
  tier: z.enum(tiers).optional(),
  format: word.optional(),
  geography: z
    .string()
    .regex(/^[A-Za-z]{2}$/, "must be a country's two letters")
    .optional(),
  buyer_id: word.optional(),
  campaign: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional(),
  view: z.enum(["cards", "table"]).optional(),
  cursor: z.string().max(1_000).optional(),
};
type Query = z.output<z.ZodObject<typeof query>>;

export const currencyOf = ({ config }: Pick<ServerParts, "config">, client: string) =>
  config.ingest.clients.get(client)?.currency ?? "USD";

const periodNames: Record<(typeof periods)[number], [string, string]> = {
  "1d": ["Yesterday", "y"],
  "7d": ["7 days", "w"],
  "30d": ["30 days", "m"],
  all: ["All days", "a"],
};
const tierTones: Record<(typeof tiers)[number], Tone> = { high: "good", medium: "note", low: "quiet", zero: "quiet" };

/** Creatives with what they brought: cards to look at, a table to compare. */
export function creativePages(web: Web): void {
  page(web, { url: "/creatives", who: readers, query }, async (at) => {
    const asked = askedOf(at.query);
    const { items, next } = await callUpTo<Creative>(web, at, asked, mostCards);
    const currency = currencyOf(at.parts, at.viewer.client);
    const isTable = at.query.view === "table";
    return {
      title: "Creatives",
      scripts: isTable ? [] : ["sort.js"],
      body: (
        <>
          <PageHead
            title="Creatives"
            lead={`${countText(items.length)}${next === null ? "" : " of more"}, amounts in ${currency}.`}
          >
            <a class="button" href="/campaigns">
              Campaigns
            </a>
            <a class="button" href="/seats">
              Seats
            </a>
            <a class="button" href={withQuery(at.url, { view: isTable ? null : "table" })}>
              {isTable ? "Cards" : "Table"}
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          <Toolbar at={at} />
          {items.length === 0 ? (
            <Empty title="No creative is like this">
              Choose other filters, or <a href="/files">import a file</a>.
            </Empty>
          ) : isTable ? (
            <Table
              columns={columnsFor(currency)}
              rows={items}
              caption="Creatives"
              zone={at.zone}
              json={
                next === null && items.length <= 500
                  ? { url: jsonAddress(asked.path, { ...asked.query, limit: 500 }), path: "items" }
                  : undefined
              }
            />
          ) : (
            <Cards items={items} currency={currency} />
          )}
          <NextPage url={at.url} next={next} />
        </>
      ),
    };
  });

  exportList(web, { url: "/creatives.csv", who: readers, query }, (at) => ({
    name: `creatives-${at.query.period ?? "7d"}.csv`,
    ...askedOf(at.query),
    columns: [...columnsFor(currencyOf(at.parts, at.viewer.client)), originColumn],
  }));
}

/** The JSON route with the filters of the page. */
const askedOf = ({ view: _view, ...filters }: Query) => ({
  path: `${rtb}/creatives`,
  query: { ...filters, slim: "true" },
});

function Toolbar({ at }: { at: At<Query> }) {
  const { query: asked, url } = at;
  const names = ["tier", "format", "geography", "buyer_id", "campaign", "cursor"];
  return (
    <>
      <div class="period" role="group" aria-label="Period">
        {periods.map((name) => (
          <a
            key={name}
            href={withQuery(url, { period: name })}
            data-key={periodNames[name][1]}
            aria-current={(asked.period ?? "7d") === name ? "true" : undefined}
          >
            {periodNames[name][0]}
          </a>
        ))}
      </div>
      <div class="period" role="group" aria-label="Order">
        {creativeSorts.map((sort) => (
          <a
            key={sort}
            href={withQuery(url, { sort })}
            data-sort={sort}
            aria-current={(asked.sort ?? "spend") === sort ? "true" : undefined}
          >
            {{ spend: "By spend", cpc: "By CPC", cpm: "By CPM", id: "By id" }[sort]}
          </a>
        ))}
      </div>
      <form class="filters" method="get" action="/creatives">
        <Kept url={url} except={names} />
        <label>
          Tier
          <select name="tier">
            <option value="">any</option>
            {tiers.map((tier) => (
              <option key={tier} value={tier} selected={asked.tier === tier}>
                {tier}
              </option>
            ))}
          </select>
        </label>
        <label>
          Format
          <input name="format" value={asked.format} size={8} />
        </label>
        <label>
          Country
          <input name="geography" value={asked.geography} size={3} maxLength={2} />
        </label>
        <label>
          Seat
          <input name="buyer_id" value={asked.buyer_id} size={10} />
        </label>
        <label>
          Campaign
          <input name="campaign" value={asked.campaign} inputMode="numeric" size={6} />
        </label>
        <button type="submit">Filter</button>
      </form>
    </>
  );
}

const ratioText = (ratio: string | null) => (ratio === null ? "–" : ratio);

function Cards({ items, currency }: { items: readonly Creative[]; currency: string }) {
  return (
    <ul class="tiles" id="creatives">
      {items.map(({ creativeId, buyerId, format, canonicalSize, isStub, origin, performance: of }) => (
        <li
          key={`${buyerId} ${creativeId}`}
          data-id={creativeId}
          data-spend={of.spend}
          data-cpc={of.cpc ?? ""}
          data-cpm={of.cpm ?? ""}
        >
          <div class="section-head">
            <a href={creativeAddress({ creativeId, buyerId })}>{creativeId}</a>
            <Badge tone={tierTones[of.tier]}>{of.tier === "zero" ? "no spend" : `${of.tier} spend`}</Badge>
          </div>
          <div class="value">{moneyText(of.spend, currency)}</div>
          <div>
            CPC {ratioText(of.cpc)} · CPM {ratioText(of.cpm)}
          </div>
          <div>
            <Trend trend={of.trend} />
            {of.topGeography === null ? "" : ` · ${of.topGeography} ${of.topGeographyShare ?? "–"} %`}
          </div>
          <div class="quiet">
            {[format, canonicalSize, buyerId === null ? null : <Seat key="seat" of={buyerId} />]
              .filter((one) => one !== null)
              .map((one, index) => (
                <Fragment key={index}>
                  {index === 0 ? "" : " · "}
                  {typeof one === "string" ? <Name of={one} /> : one}
                </Fragment>
              ))}
            {isStub ? " · known from a file only" : ""} <Origin of={origin} />
          </div>
        </li>
      ))}
    </ul>
  );
}

const Seat = ({ of }: { of: string }) => (
  <>
    seat <Name of={of} />
  </>
);

/** A change of spend: sign and word, not only a colour. */
export function Trend({ trend }: { trend: number | null }) {
  if (trend === null) return <None why="nothing was spent in the days before" />;
  return (
    <span>
      {trend > 0 ? "▲ up" : trend < 0 ? "▼ down" : "even"} {Math.abs(trend)} %
    </span>
  );
}

function columnsFor(currency: string): Column<Creative>[] {
  return [
    {
      name: "creativeId",
      label: "Creative",
      kind: "text",
      value: (row) => row.creativeId,
      show: (row) => (
        <>
          <a href={creativeAddress(row)}>{row.creativeId}</a> <Origin of={row.origin} />
        </>
      ),
    },
    moneyIn<Creative>(currency)("performance.spend", "Spend", ({ performance }) => performance.spend),
    {
      name: "performance.impressions",
      label: "Impressions",
      kind: "count",
      value: ({ performance }) => performance.impressions,
    },
    { name: "performance.clicks", label: "Clicks", kind: "count", value: ({ performance }) => performance.clicks },
    {
      name: "performance.cpc",
      label: "CPC",
      kind: "ratio",
      value: ({ performance }) => performance.cpc,
      why: () => "no clicks",
    },
    {
      name: "performance.cpm",
      label: "CPM",
      kind: "ratio",
      value: ({ performance }) => performance.cpm,
      why: () => "no impressions",
    },
    {
      name: "performance.trend",
      label: "Trend",
      kind: "percent",
      value: ({ performance }) => performance.trend,
      show: ({ performance }) => <Trend trend={performance.trend} />,
      isExtra: true,
    },
    {
      name: "performance.tier",
      label: "Tier",
      kind: "text",
      value: ({ performance }) => performance.tier,
      isExtra: true,
    },
    {
      name: "performance.topGeography",
      label: "Top country",
      kind: "text",
      value: ({ performance }) => performance.topGeography,
      isExtra: true,
    },
    { name: "format", label: "Format", kind: "text", value: (row) => row.format, isExtra: true },
    { name: "canonicalSize", label: "Size", kind: "text", value: (row) => row.canonicalSize, isExtra: true },
    { name: "buyerId", label: "Seat", kind: "text", value: (row) => row.buyerId, isExtra: true },
  ];
}
