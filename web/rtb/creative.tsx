import { z } from "zod";
import { moneyIn } from "../components/columns.ts";
import { LineChart } from "../components/charts.tsx";
import { moneyText, Name } from "../components/format.tsx";
import { Empty, NextPage, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import type { Listed } from "../shared/json.ts";
import { get, page, param } from "../shared/page.tsx";
import { readers, safeLink, type Web } from "../shared/web.ts";
import { findCreativeIds } from "../../queries/rtb/find-creative.ts";
import { readThumbnail } from "../../queries/rtb/thumbnails.ts";
import { notFound } from "../../api/server/errors.ts";
import { sendPicture } from "../../api/server/send-picture.ts";
import { rtb, type CreativeDays, type CreativeDetails, type CreativeRecord } from "./answers.ts";
import { CreativeFacts } from "./creative-facts.tsx";
import { currencyOf } from "./creatives.tsx";
import { Trend } from "./marks.tsx";
import { PerformanceBasis } from "./spend-sources.tsx";

type PeriodFigures = CreativeDetails["performance"][number];
const chartDays = 30;

/** One creative in every period, day by day, and the records that files left of it. */
export function creativePage(web: Web): void {
  const query = { cursor: z.string().max(1_000).optional(), buyer_id: z.string().max(200).optional() };
  page(web, { url: "/creatives/:id", who: readers, query }, async (at) => {
    const id = encodeURIComponent(param(at, "id"));
    const { buyer_id: buyerId } = at.query;
    const seat = buyerId === undefined ? "" : `&buyer_id=${encodeURIComponent(buyerId)}`;
    const json = `${rtb}/creatives/${id}${seat.replace("&", "?")}`;
    const cursor = at.query.cursor === undefined ? "" : `&cursor=${encodeURIComponent(at.query.cursor)}`;
    const records = `${rtb}/performance/metrics/${id}?limit=50${seat}${cursor}`;
    const found = await get<CreativeDetails>(web, at.request, json);
    const perDay = `${rtb}/creatives/${id}/days?days=${chartDays}${seat}`;
    const [lines, { items: days }] = await Promise.all([
      get<Listed<CreativeRecord>>(web, at.request, records),
      get<CreativeDays>(web, at.request, perDay),
    ]);
    const currency = currencyOf(at.parts, at.viewer.client);
    return {
      title: `Creative ${found.creativeId}`,
      body: (
        <>
          <PageHead title={`Creative ${found.creativeId}`} lead={<Lead of={found} />}>
            <VendorLink address={found.googleBuyersUrl} />
          </PageHead>
          <CreativeFacts of={found} zone={at.zone} />
          <p class="quiet">
            Figures are <PerformanceBasis />.
          </p>
          <Table
            columns={periodColumns(currency)}
            rows={found.performance}
            caption="Its figures in every period"
            zone={at.zone}
            json={{ url: json, path: "performance" }}
          />
          <Days days={days} currency={currency} json={perDay} />
          <section aria-labelledby="records">
            <h2 id="records">Records</h2>
            <Table
              columns={recordColumns(currency)}
              rows={lines.items}
              caption="Records, the newest first"
              zone={at.zone}
              json={{ url: records, path: "items" }}
              empty={<Empty title="No file has a line of it">Import one that does.</Empty>}
            />
            <NextPage url={at.url} next={lines.next} />
          </section>
          <Raw found={found} />
        </>
      ),
    };
  });
}

/** The picture that the worker fetched of it, where the client consents. */
export function creativePicture(web: Web): void {
  const query = { buyer_id: z.string().max(200).optional(), v: z.string().max(64).optional() };
  page(web, { url: "/creatives/:id/thumbnail", who: readers, query, isOneOfMany: true }, async (at) => {
    const { client } = at.viewer;
    if (!at.parts.config.thumbnails.consenting.has(client)) throw notFound("thumbnail");
    const { id: creativeId } = at.request.params as { id: string };
    const own = await findCreativeIds(at.parts.reading, { client, creativeId, buyerId: at.query.buyer_id });
    const found = own[0] === undefined ? null : await readThumbnail(at.parts.reading, { client, id: own[0].id });
    if (found === null || own.length > 1) throw notFound("thumbnail");
    return sendPicture(at.request, at.reply, found);
  });
}

function Lead({ of: { format, canonicalSize, buyerId, isStub, origin } }: { of: CreativeDetails }) {
  // A native has no other size than that.
  const size = canonicalSize?.toUpperCase() === format?.toUpperCase() ? null : canonicalSize;
  const states = [size, isStub && "known from a file only", origin === "sandbox" && "made up (sandbox)"];
  return (
    <>
      <Name of={[format, ...states].filter(Boolean).join(", ")} />
      {buyerId === null ? null : (
        <>
          , seat <Name of={buyerId} />
        </>
      )}
    </>
  );
}

function VendorLink({ address }: { address: string | null }) {
  const href = safeLink(address);
  return href === null ? null : (
    <a class="button" href={href} rel="noopener noreferrer" target="_blank">
      At the vendor
    </a>
  );
}

function periodColumns(currency: string): Column<PeriodFigures>[] {
  return [
    { name: "period", label: "Period", kind: "text", value: (row) => row.period },
    moneyIn<PeriodFigures>(currency)("spend", "Spend", (row) => row.spend),
    { name: "impressions", label: "Impressions", kind: "count", value: (row) => row.impressions },
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    { name: "cpc", label: "CPC", kind: "ratio", value: (row) => row.cpc, why: () => "no clicks" },
    { name: "cpm", label: "CPM", kind: "ratio", value: (row) => row.cpm, why: () => "no impressions" },
    {
      name: "trend",
      label: "Trend, without today",
      kind: "percent",
      value: (row) => row.trend,
      show: (row) => <Trend trend={row.trend} />,
    },
    { name: "topGeography", label: "Top country", kind: "text", value: (row) => row.topGeography, isExtra: true },
  ];
}

interface DaysProps {
  days: CreativeDays["items"];
  currency: string;
  json: string;
}

function Days({ days, currency, json }: DaysProps) {
  if (days.length < 2) return null;
  const spent = days.map(({ spend }) => spend);
  const text = (value: number) => moneyText(String(value), currency);
  return (
    <section class="panel">
      <LineChart
        id="days"
        finding={<h2>Spend per day, the last {chartDays} days</h2>}
        labels={days.map(({ date }) => date)}
        labelName="Day"
        series={[
          {
            ...{ name: "Spend", text, said: { field: "spend", values: spent } },
            points: spent.map((spend) => (spend === null ? null : Number(spend))),
          },
        ]}
        axisText={text}
        json={{ url: json, path: "items" }}
      />
    </section>
  );
}

function recordColumns(currency: string): Column<CreativeRecord>[] {
  return [
    { name: "date", label: "Day", kind: "day", value: (row) => row.date },
    { name: "hour", label: "Hour", kind: "count", value: (row) => row.hour, why: () => "the whole day", isExtra: true },
    { name: "geography", label: "Country", kind: "text", value: (row) => row.geography },
    { name: "deviceType", label: "Device", kind: "text", value: (row) => row.deviceType, isExtra: true },
    { name: "placement", label: "Placement", kind: "text", value: (row) => row.placement, isExtra: true },
    { name: "impressions", label: "Impressions", kind: "count", value: (row) => row.impressions },
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    moneyIn<CreativeRecord>(currency)("spend", "Spend", (row) => row.spend),
    {
      name: "fileId",
      label: "File",
      kind: "text",
      value: (row) => row.fileId,
      show: ({ fileId }) => <a href={`/files/${fileId}`}>{fileId}</a>,
    },
  ];
}

/** What was sent of it. Markup is shown as text: to run it would load its trackers and count an impression. */
function Raw({ found }: { found: CreativeDetails }) {
  const raw = {
    urls: found.declaredClickUrls,
    parsed: found.destinationUrlsParsed,
    attributes: found.creativeAttributes,
  };
  return (
    <section class="panel" aria-labelledby="raw">
      <h2 id="raw">As it was sent</h2>
      <details>
        <summary>Addresses and attributes</summary>
        <pre tabIndex={0}>{JSON.stringify(raw, null, 2)}</pre>
      </details>
      {found.htmlSnippet === null && found.vastXml === null ? null : (
        <details>
          <summary>Markup, as text</summary>
          <pre tabIndex={0}>{found.htmlSnippet ?? found.vastXml}</pre>
        </details>
      )}
    </section>
  );
}
