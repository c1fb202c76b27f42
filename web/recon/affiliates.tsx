import { z } from "zod";
import type { affiliateTotals } from "../../api/recon/affiliates.ts";
import { affiliateOrders } from "../../queries/recon/keys.ts";
import { originColumn } from "../components/columns.ts";
import { LineChart } from "../components/charts.tsx";
import { Badge, countText, Name, Origin } from "../components/format.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Counts, Empty, ExportLink, Figure, Notice, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals, type Listed } from "../shared/json.ts";
import { call, form, get, page, param, type Content } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers as staff, type Web } from "../shared/web.ts";
import { recon, type Affiliate, type TrackRecord, type Report } from "./answers.ts";
import { reportColumns, Trust, VerdictBadge } from "./verdicts.tsx";

const readers = ["admin", "operator", "analyst", "advertiser"] as const;
const trendDays = 90;

/** Affiliates: how far each can be believed over time, and their keys. */
export function affiliatePages(web: Web): void {
  listPage(web);
  affiliatePage(web);
  keyForms(web);
}

function listPage(web: Web): void {
  const query = sortedQuery(affiliateOrders);
  const path = `${recon}/affiliates`;
  exportList(web, { url: "/reconciliation/affiliates.csv", who: staff, query }, (at) => ({
    name: "affiliates.csv",
    path,
    query: at.query,
    columns: [...columns, originColumn],
  }));
  page(web, { url: "/reconciliation/affiliates", who: staff, query }, async (at) => {
    const [list, { totals, json }] = await Promise.all([
      callList<Affiliate>(web, at, { path, query: at.query }),
      callTotals<z.infer<typeof affiliateTotals>>(web, at, { path, query: at.query }),
    ]);
    return {
      title: "Affiliates",
      body: (
        <>
          <PageHead title="Affiliates and keys">
            <ExportLink url={at.url} />
          </PageHead>
          <Counts
            json={json}
            isMore={totals.isMore}
            of={[
              ["affiliates", "Affiliates", totals.affiliates],
              ["active", "Active", totals.active],
              ["judged", "With claims that could be checked", totals.judged],
            ]}
          />
          <ListTable
            at={at}
            list={list}
            orders={affiliateOrders}
            columns={columns}
            caption="Affiliates"
            empty={<Empty title="No affiliate yet">Create the first below.</Empty>}
          />
          {at.viewer.isKeeper ? <NewAffiliate /> : null}
        </>
      ),
    };
  });
}

const columns: readonly Column<Affiliate>[] = [
  {
    name: "name",
    label: "Affiliate",
    kind: "text",
    value: ({ name }) => name,
    show: ({ name, affiliateId, isActive, origin }) => (
      <>
        <a href={`/reconciliation/affiliates/${affiliateId}`}>{name}</a>{" "}
        {isActive ? null : <Badge tone="warning">disabled</Badge>} <Origin of={origin} />
      </>
    ),
  },
  { name: "trust", label: "Trust", kind: "text", value: ({ trust }) => trust, show: (row) => <Trust {...row} /> },
  {
    name: "keyPrefix",
    label: "Key",
    kind: "text",
    value: ({ keyPrefix }) => keyPrefix,
    show: ({ keyPrefix }) => (keyPrefix === null ? "–" : <code>{keyPrefix}…</code>),
    isExtra: true,
  },
  {
    name: "keyIssuedAt",
    label: "Key since",
    kind: "moment",
    value: ({ keyIssuedAt }) => (keyIssuedAt === null ? null : new Date(keyIssuedAt)),
    isExtra: true,
  },
  { name: "createdAt", label: "Since", kind: "moment", value: ({ createdAt }) => new Date(createdAt), isExtra: true },
];

function NewAffiliate() {
  return (
    <section class="panel" aria-labelledby="new">
      <h2 id="new">New affiliate</h2>
      <form class="stack" method="post" action="/reconciliation/affiliates/new">
        <label>
          Name
          <input name="name" required maxLength={200} autocomplete="off" />
        </label>
        <label>
          E-mail (sealed, never shown again)
          <input name="email" type="email" maxLength={200} autocomplete="off" />
        </label>
        <div>
          <button type="submit" class="primary">
            Create, and show the key once
          </button>
        </div>
      </form>
    </section>
  );
}

function affiliatePage(web: Web): void {
  page(web, { url: "/reconciliation/affiliates/:id", who: readers }, async (at) => {
    const id = param(at, "id");
    const json = `${recon}/affiliates/${id}/performance?days=${trendDays}`;
    const claims = `${recon}/affiliates/${id}/submissions?limit=20`;
    const [found, reports] = await Promise.all([
      get<TrackRecord>(web, at.request, json),
      get<Listed<Report>>(web, at.request, claims),
    ]);
    return {
      title: found.name,
      body: (
        <>
          <PageHead title={found.name} lead={`Affiliate ${found.affiliateId}${found.isActive ? "" : ", disabled"}`}>
            {at.viewer.isKeeper ? <Changes found={found} /> : null}
          </PageHead>
          <div class="cards">
            <Figure
              label="Trust"
              value={<Trust {...found} />}
              fact={{ json, field: "trust", value: String(found.trust) }}
            >
              share of posts whose claims were right
            </Figure>
            <Figure
              label="Claims"
              value={countText(found.submitted)}
              fact={{ json, field: "submitted", value: String(found.submitted) }}
            />
            {found.verdicts.map(({ verdict, level, reports: some }, index) => (
              <Figure
                key={`${verdict} ${level}`}
                label="of them"
                value={countText(some)}
                fact={{ json, field: `verdicts.${index}.reports`, value: String(some) }}
              >
                <VerdictBadge verdict={verdict} level={level} />
              </Figure>
            ))}
          </div>
          <TrustOverTime found={found} json={json} />
          <section aria-labelledby="claims">
            <div class="section-head">
              <h2 id="claims">Latest claims</h2>
              <a href={`/reconciliation/queue?affiliate=${found.affiliateId}`}>All</a>
            </div>
            <Table
              columns={reportColumns({ isOwn: false })}
              rows={reports.items}
              caption="Latest claims"
              zone={at.zone}
              json={{ url: claims, path: "items" }}
              empty={<Empty title="No claim yet">It sends them with its API key, or logs in with it.</Empty>}
            />
          </section>
        </>
      ),
    };
  });
}

/** Trust as it grew: the share that was accurate of all that counted until each day. */
export function TrustOverTime({ found, json }: { found: TrackRecord; json: string }) {
  const days = found.trend;
  if (days.length < 2) return null;
  const percent = (value: number) => `${value} %`;
  const points = days.map(({ soFarPct }) => soFarPct);
  return (
    <section class="panel">
      <LineChart
        id="trust"
        finding={<h2>Accurate claims, of all that could be checked in the last {trendDays} days</h2>}
        labels={days.map(({ date }) => date)}
        labelName="Day"
        series={[{ name: "Accurate so far", points, text: percent, said: { field: "soFarPct", values: points } }]}
        axisText={percent}
        json={{ url: json, path: "trend" }}
      />
    </section>
  );
}

function Changes({ found }: { found: TrackRecord }) {
  const action = `/reconciliation/affiliates/${found.affiliateId}`;
  return (
    <>
      <form method="post" action={`${action}/key`}>
        <button type="submit">New key</button>
      </form>
      <form method="post" action={`${action}/${found.isActive ? "disable" : "enable"}`}>
        <button type="submit" class={found.isActive ? "danger" : ""}>
          {found.isActive ? "Disable" : "Enable"}
        </button>
      </form>
    </>
  );
}

function keyForms(web: Web): void {
  const address = "/reconciliation/affiliates/:id";
  const wanted = z.object({ name: z.string().trim().min(1).max(200), email: z.email().optional() });
  form(web, { url: "/reconciliation/affiliates/new", who: keepers, body: wanted }, async ({ request }, body) => {
    const answer = await call<Affiliate & { key: string }>(web, request, {
      method: "POST",
      url: `${recon}/affiliates`,
      body,
    });
    return keyContent(answer.body);
  });
  form(web, { url: `${address}/key`, who: keepers, body: z.object({}) }, async (at) => {
    const url = `${recon}/affiliates/${param(at, "id")}/rotate-key`;
    const answer = await call<Affiliate & { key: string }>(web, at.request, { method: "POST", url });
    return keyContent(answer.body);
  });
  for (const change of ["disable", "enable"])
    form(web, { url: `${address}/${change}`, who: keepers, body: z.object({}) }, async (at) => {
      const id = param(at, "id");
      await call(web, at.request, { method: "PUT", url: `${recon}/affiliates/${id}/${change}` });
      return `/reconciliation/affiliates/${id}`;
    });
}

/** A key is shown once: it is kept as a hash. */
function keyContent({ key, name, affiliateId }: Affiliate & { key: string }): Content {
  return {
    title: "New key",
    body: (
      <>
        <PageHead
          title={
            <>
              Key of <Name of={name} />
            </>
          }
        />
        <Notice tone="warning" title="Copy it now">
          It is shown once. The key before it, if there was one, has stopped working.
        </Notice>
        <pre tabIndex={0}>{key}</pre>
        <p>
          <a href={`/reconciliation/affiliates/${affiliateId}`}>
            Back to <Name of={name} />
          </a>
        </p>
      </>
    ),
  };
}
