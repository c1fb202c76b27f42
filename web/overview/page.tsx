import { z } from "zod";
import { noteLook } from "../../queries/ops/sessions.ts";
import { overviewPeriods } from "../../queries/overview/overview.ts";
import type { Outlook } from "../../queries/cost/outlook.ts";
import { originColumn } from "../components/columns.ts";
import { Empty, ExportLink, PageHead } from "../components/parts.tsx";
import { Table } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import { jsonAddress } from "../shared/json.ts";
import { call, download, get, page } from "../shared/page.tsx";
import { readers, withQuery, type At, type Web } from "../shared/web.ts";
import {
  affiliateColumns,
  Attention,
  comparedWith,
  periodNames,
  Periods,
  RestatedSince,
  SandboxBadge,
  type Shown,
} from "./sections.tsx";
import { OutlookSection } from "./outlook.tsx";
import { Open } from "./open.tsx";
import { SpendNow } from "./spend-now.tsx";

const query = { period: z.enum(overviewPeriods).optional() };
const dayMs = 24 * 3_600_000;

/** What a media buyer looks at first. */
export function morningPage(web: Web): void {
  page(web, { url: "/", who: readers, query }, async (at) => {
    const before = await noteLook(at.parts.database, at.viewer);
    const since = (before ?? new Date(at.now.getTime() - dayMs)).toISOString();
    const json = jsonAddress("/api/v1/overview", { since, period: at.query.period });
    const ends = "/api/v1/cost/outlook";
    const [overview, outlook] = await Promise.all([
      read(web, at, json),
      get<{ items: Outlook[] }>(web, at.request, ends),
    ]);
    const { spend, periods, restated, open, alerts, attention, today } = overview;
    const around = { zone: at.zone, json };
    return {
      title: "Today",
      body: (
        <>
          <PageHead
            title={`Today, ${today}`}
            lead="What was spent by now, what came of it, what changed overnight, and what wants you."
          >
            <ExportLink url={at.url} />
          </PageHead>
          <Open open={open} today={today} json={json} />
          <section aria-labelledby="spend">
            <div class="section-head">
              <h2 id="spend">
                Spend by now <SandboxBadge rows={[spend]} />
              </h2>
              <a href="/spend?period=today&by=hour">Hour by hour</a>
            </div>
            <div class="stacked">
              <SpendNow spend={spend} json={json} />
            </div>
          </section>
          <section aria-labelledby="results">
            <div class="section-head">
              <h2 id="results">
                Results <SandboxBadge rows={periods.flatMap(({ totals }) => totals)} />
              </h2>
              <a href="/cost">Cost per acquisition</a>
            </div>
            <Periods periods={periods} {...around} />
          </section>
          <OutlookSection items={outlook.items} today={today} json={ends} />
          <Affiliates at={at} affiliates={overview.affiliates} json={json} />
          <RestatedSince restated={restated} since={since} {...around} />
          <Attention alerts={alerts} attention={attention} {...around} />
        </>
      ),
    };
  });

  download(web, { url: "/today.csv", who: readers, query }, async (at) => {
    const { affiliates } = await read(web, at, jsonAddress("/api/v1/overview", { period: at.query.period }));
    return {
      name: `affiliates-${affiliates.from}-${affiliates.to}.csv`,
      text: toCsv([...affiliateColumns(affiliates), originColumn], affiliates.items),
    };
  });
}

const read = async (web: Web, at: Pick<At<unknown>, "request">, url: string) =>
  (await call<Shown>(web, at.request, { method: "GET", url })).body;

function Affiliates({ at, affiliates, json }: { at: At<unknown>; affiliates: Shown["affiliates"]; json: string }) {
  const { name: shown, from, to, items } = affiliates;
  return (
    <section aria-labelledby="affiliates">
      <div class="section-head">
        <h2 id="affiliates">
          Affiliates, {periodNames[shown].label.toLowerCase()} <SandboxBadge rows={items} />
        </h2>
        <nav class="period" aria-label="Period of the affiliates">
          {overviewPeriods.map((name) => (
            <a
              key={name}
              href={`${withQuery(at.url, { period: name })}#affiliates`}
              data-key={periodNames[name].key}
              aria-current={name === shown ? "true" : undefined}
            >
              {periodNames[name].label}
            </a>
          ))}
        </nav>
      </div>
      {comparedWith(affiliates) === null ? null : <p class="quiet">Change without today, which is not over.</p>}
      <Table
        columns={affiliateColumns(affiliates)}
        rows={items}
        zone={at.zone}
        caption={`Affiliates, ${from} to ${to}${shown === "today" ? "" : `, beside ${periodNames[shown].than}`}`}
        json={{ url: json, path: "affiliates.items" }}
        empty={
          <Empty title="No affiliate has cost or results in these days">
            <a href={`/freshness?from=${from}&to=${to}`}>See whether these days were read</a>, or choose another period.
          </Empty>
        }
      />
    </section>
  );
}
