import { z } from "zod";
import { campaignOrders } from "../../queries/recon/campaigns.ts";
import { overviewOrders } from "../../queries/recon/dashboards.ts";
import { reportOrders } from "../../queries/recon/reports.ts";
import { originColumn } from "../components/columns.ts";
import { countText, Origin } from "../components/format.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Counts, Empty, ExportLink, Figure, Kept, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals, type JsonPage } from "../shared/json.ts";
import { get, page } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { type At, type Web } from "../shared/web.ts";
import {
  recon,
  type AffiliateOverview,
  type Campaign,
  type ClaimTotals,
  type Discrepancies,
  type Report,
} from "./answers.ts";
import { reportColumns, Trust } from "./verdicts.tsx";

const who = ["admin", "operator", "analyst", "advertiser"] as const;

/** Claimed beside verified: what a person should look at first, then campaigns and affiliates. */
export function reconPages(web: Web): void {
  const inCampaigns = sortedQuery(campaignOrders);
  const inAffiliates = sortedQuery(overviewOrders);
  const query = {
    ...{ campaigns: inCampaigns.cursor, sortCampaigns: inCampaigns.sort },
    ...{ affiliates: inAffiliates.cursor, sortAffiliates: inAffiliates.sort },
  };
  page(web, { url: "/reconciliation", who, query }, async (at) => {
    const { request, zone, viewer } = at;
    const list = <Item,>(path: string, { cursor, sort }: { cursor?: string | undefined; sort?: string | undefined }) =>
      callList<Item>(web, at, { path: recon + path, query: { limit: rowsPerPage, sort, cursor } });
    const [first, campaigns, affiliates] = await Promise.all([
      get<Discrepancies>(web, request, `${recon}/dashboard/discrepancies?level=HIGH&limit=10`),
      list<Campaign>("/campaigns", { cursor: at.query.campaigns, sort: at.query.sortCampaigns }),
      list<AffiliateOverview>("/dashboard/affiliates", {
        cursor: at.query.affiliates,
        sort: at.query.sortAffiliates,
      }),
    ]);
    return {
      title: "Reconciliation",
      body: (
        <>
          <PageHead title="Reconciliation" lead="What affiliates claim, beside what the platforms say.">
            {viewer.isKeeper ? (
              <a class="button" href="/reconciliation/affiliates">
                Affiliates and keys
              </a>
            ) : null}
            {viewer.role === "advertiser" ? null : (
              <a class="button" href="/reconciliation/platforms">
                Platforms
              </a>
            )}
          </PageHead>
          <Attention of={first} />
          <section aria-labelledby="queue">
            <div class="section-head">
              <h2 id="queue">Far too high, newest first</h2>
              <a href="/reconciliation/queue?level=HIGH">All</a>
            </div>
            <Table
              columns={reportColumns({ isOwn: false })}
              rows={first.items}
              caption="Claims far too high"
              zone={zone}
              json={{ url: `${recon}/dashboard/discrepancies?level=HIGH&limit=10`, path: "items" }}
              empty={<Empty title="Nothing to look at">No claim is far beyond what its platform says.</Empty>}
            />
          </section>
          <Lists at={at} campaigns={campaigns} affiliates={affiliates} />
        </>
      ),
    };
  });

  queuePage(web);
}

interface ListsProps {
  at: Pick<At<unknown>, "url" | "zone">;
  campaigns: JsonPage<Campaign>;
  affiliates: JsonPage<AffiliateOverview>;
}

function Lists({ at, campaigns, affiliates }: ListsProps) {
  return (
    <>
      <section aria-labelledby="campaigns">
        <h2 id="campaigns">Campaigns</h2>
        <ListTable
          at={at}
          list={campaigns}
          orders={campaignOrders}
          names={{ sort: "sortCampaigns", cursor: "campaigns" }}
          columns={campaignColumns}
          caption="Campaigns"
          empty={
            <Empty title="No campaign yet">
              Create one: <code>POST {recon}/campaigns</code>
            </Empty>
          }
        />
      </section>
      <section aria-labelledby="affiliates">
        <h2 id="affiliates">Affiliates</h2>
        <ListTable
          at={at}
          list={affiliates}
          orders={overviewOrders}
          names={{ sort: "sortAffiliates", cursor: "affiliates" }}
          columns={affiliateColumns}
          caption="Affiliates by trust"
          empty={<Empty title="No affiliate yet">Create the first under “Affiliates and keys”.</Empty>}
        />
      </section>
    </>
  );
}

const filters = {
  level: z.enum(["LOW", "MEDIUM", "HIGH"]).optional(),
  verdict: z.enum(["MATCHED", "DISCREPANCY", "UNVERIFIABLE", "POST_DELETED", "POST_UNKNOWN"]).optional(),
  disputed: z.enum(["true"]).optional(),
  open: z.enum(["true"]).optional(),
  judged: z.enum(["true", "false"]).optional(),
  campaign: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
  affiliate: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
  ...sortedQuery(reportOrders),
};
type Filters = z.output<z.ZodObject<typeof filters>>;
const submissions = `${recon}/submissions`;
const rowsPerPage = 50;

function queuePage(web: Web): void {
  page(web, { url: "/reconciliation/queue", who, query: filters }, async (at) => {
    const asked = { path: submissions, query: { ...at.query, limit: rowsPerPage } };
    const [list, { totals, json }] = await Promise.all([
      callList<Report>(web, at, asked),
      callTotals<ClaimTotals>(web, at, asked),
    ]);
    return {
      title: "Claims",
      body: (
        <>
          <PageHead title="Claims" lead="What affiliates claim, and what came of it.">
            <ExportLink url={at.url} />
          </PageHead>
          <Filter query={at.query} url={at.url} />
          <ClaimCounts totals={totals} json={json} />
          <ListTable
            at={at}
            list={list}
            orders={reportOrders}
            columns={reportColumns({ isOwn: false })}
            caption="Claims"
            empty={<Empty title="No claim is like this">Choose other filters.</Empty>}
          />
        </>
      ),
    };
  });

  exportList(web, { url: "/reconciliation/queue.csv", who, query: filters }, ({ query }) => ({
    name: "claims.csv",
    path: submissions,
    query,
    columns: [...reportColumns({ isOwn: false }), originColumn],
  }));
}

export const ClaimCounts = ({ totals, json }: { totals: ClaimTotals; json: string }) => (
  <Counts
    json={json}
    of={[
      ["claims", "Claims", totals.claims],
      ["posts", "Posts", totals.posts],
      ["matched", "Matched", totals.matched],
      ["tooHigh", "Too high", totals.tooHigh],
      ["farTooHigh", "Of them far too high", totals.farTooHigh],
      ["waiting", "Waiting for a verdict", totals.waiting],
      ["openDisputes", "Open disputes", totals.openDisputes],
    ]}
  />
);

function Filter({ query, url }: { query: Filters; url: URL }) {
  return (
    <form class="filters" method="get" action="/reconciliation/queue">
      <Kept url={url} except={Object.keys(filters).filter((name) => name !== "sort")} />
      <label>
        Level
        <select name="level">
          {[
            ["", "any"],
            ["HIGH", "far too high"],
            ["MEDIUM", "too high"],
            ["LOW", "slightly too high"],
          ].map(([value, text]) => (
            <option key={value} value={value} selected={(query.level ?? "") === value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        Verdict
        <select name="verdict">
          {[
            ["", "any"],
            ["MATCHED", "matched"],
            ["DISCREPANCY", "too high"],
            ["UNVERIFIABLE", "cannot be checked"],
            ["POST_DELETED", "post deleted"],
            ["POST_UNKNOWN", "no such post"],
          ].map(([value, text]) => (
            <option key={value} value={value} selected={(query.verdict ?? "") === value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        Campaign
        <input name="campaign" inputMode="numeric" value={query.campaign} size={8} />
      </label>
      <label>
        Affiliate
        <input name="affiliate" inputMode="numeric" value={query.affiliate} size={8} />
      </label>
      <label>
        Disputed
        <select name="disputed">
          <option value="" selected={query.disputed === undefined}>
            or not
          </option>
          <option value="true" selected={query.disputed === "true"}>
            open disputes
          </option>
        </select>
      </label>
      <button type="submit">Filter</button>
    </form>
  );
}

function Attention({ of }: { of: Discrepancies }) {
  const json = `${recon}/dashboard/discrepancies?level=HIGH&limit=10`;
  const figure = (name: "high" | "medium" | "openDisputes" | "waiting", label: string, href: string) => (
    <Figure
      label={label}
      value={countText(of[name].reports)}
      href={href}
      fact={{ json, field: `${name}.reports`, value: String(of[name].reports) }}
    />
  );
  return (
    <div class="cards">
      {figure("high", "Far too high", "/reconciliation/queue?level=HIGH")}
      {figure("medium", "Too high", "/reconciliation/queue?level=MEDIUM")}
      {figure("openDisputes", "Open disputes", "/reconciliation/queue?disputed=true")}
      {figure("waiting", "Waiting for a verdict", "/reconciliation/queue?open=true")}
    </div>
  );
}

const campaignColumns: readonly Column<Campaign>[] = [
  {
    name: "name",
    label: "Campaign",
    kind: "text",
    value: ({ name }) => name,
    show: ({ name, campaignId, origin }) => (
      <>
        <a href={`/reconciliation/campaigns/${campaignId}`}>{name}</a> <Origin of={origin} />
      </>
    ),
  },
  { name: "advertiserId", label: "Advertiser", kind: "text", value: (row) => row.advertiserId },
  { name: "status", label: "State", kind: "text", value: (row) => row.status },
  {
    name: "platforms",
    label: "Platforms",
    kind: "text",
    value: (row) => row.platforms.join(","),
    show: (row) => row.platforms.join(", "),
    isExtra: true,
  },
  { name: "startsOn", label: "From", kind: "day", value: (row) => row.startsOn, isExtra: true },
  { name: "endsOn", label: "To", kind: "day", value: (row) => row.endsOn, isExtra: true },
];

const affiliateColumns: readonly Column<AffiliateOverview>[] = [
  {
    name: "name",
    label: "Affiliate",
    kind: "text",
    value: ({ name }) => name,
    show: ({ name, affiliateId, origin }) => (
      <>
        <a href={`/reconciliation/affiliates/${affiliateId}`}>{name}</a> <Origin of={origin} />
      </>
    ),
  },
  {
    name: "trust",
    label: "Trust",
    kind: "text",
    value: ({ trust }) => trust,
    show: (row) => <Trust {...row} />,
  },
  count("matched", "Matched"),
  count("low", "Slightly too high", true),
  count("medium", "Too high"),
  count("high", "Far too high"),
  count("unverifiable", "Cannot be checked", true),
  count("gone", "Post gone", true),
  count("waiting", "Waiting", true),
];

function count(name: keyof AffiliateOverview["reports"], label: string, isExtra = false): Column<AffiliateOverview> {
  return { name: `reports.${name}`, label, kind: "count", value: ({ reports }) => reports[name], isExtra };
}
