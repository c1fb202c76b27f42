import { z } from "zod";
import type { figures } from "../../api/cost/affiliate-mapping.ts";
import {
  readMapping,
  readUnmappedSpend,
  type MappingRow,
  type UnmappedSource,
} from "../../queries/cost/affiliate-mapping.ts";
import { Badge, moneyText, Name, None, Origin } from "../components/format.tsx";
import { Empty, ExportLink, Notice, PageHead, PeriodPicker } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import { call, download, form, page, type Content } from "../shared/page.tsx";
import { periodQuery, readPeriod } from "../shared/period.ts";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import { typedHere } from "../../settings/typed-here.ts";

type Figures = z.infer<typeof figures>;

/** What a form of this page says: one line of the mapping. */
const line = z.object({
  source: z.string().trim().max(200).optional(),
  sourceName: z.string().trim().max(200).optional(),
  label: z.string().trim().min(1, "say which affiliate").max(200),
  affiliateId: z.string().trim().max(200).optional(),
  kind: z.enum(["internal", "external"]),
});
type Line = z.output<typeof line>;
const previewDays = 30;

/** Which affiliate each Redtrack source spends for: read, and changed after a look at what the change would make of the figures. */
export function mappingPages(web: Web): void {
  page(web, { url: "/cost/mapping", who: readers, query: periodQuery }, async (at) => {
    const period = readPeriod(at.query, at.today, "30d");
    const of = { client: at.viewer.client, from: period.from, to: period.to };
    const [mapping, unmapped] = await Promise.all([
      readMapping(at.parts.reading, of),
      readUnmappedSpend(at.parts.reading, of),
    ]);
    return {
      title: "Mapping",
      body: (
        <>
          <PageHead title="Mapping" lead="Which affiliate each Redtrack source spends for.">
            <ExportLink url={at.url} />
          </PageHead>
          <PeriodPicker url={at.url} period={period} />
          <section aria-labelledby="unmapped">
            <h2 id="unmapped">Spend of no affiliate</h2>
            <Table
              columns={unmappedColumns(at.viewer.isKeeper)}
              rows={unmapped}
              caption={`Spend of no affiliate, ${period.from} to ${period.to}`}
              zone={at.zone}
              json={{ url: `/api/v1/cost/unmapped-spend?from=${of.from}&to=${of.to}`, path: "items" }}
              empty={
                <Empty title="All spend is mapped">Every source with spend in this period has an affiliate.</Empty>
              }
            />
          </section>
          <section aria-labelledby="mapping">
            <h2 id="mapping">Mapping</h2>
            <Table
              columns={mappingColumns(at.viewer.isKeeper)}
              rows={mapping}
              caption="Which affiliate each source spends for"
              zone={at.zone}
              json={{ url: "/api/v1/cost/mapping", path: "items" }}
              empty={
                <Empty title="No mapping yet">
                  Map the first source above, or load a file: {typedHere("npm run mapping")}
                </Empty>
              }
            />
          </section>
        </>
      ),
    };
  });

  download(web, { url: "/cost/mapping.csv", who: readers, query: periodQuery }, async (at) => {
    const { from, to } = readPeriod(at.query, at.today, "30d");
    const unmapped = await readUnmappedSpend(at.parts.reading, { client: at.viewer.client, from, to });
    return { name: `spend-of-no-affiliate-${from}-${to}.csv`, text: toCsv(unmappedColumns(false), unmapped) };
  });

  const asked = z.strictObject({ source: z.string().max(200).optional(), label: z.string().max(200).optional() });
  page(web, { url: "/cost/mapping/edit", who: keepers, query: asked.shape }, async (at) => editContent(at));

  form(web, { url: "/cost/mapping/preview", who: keepers, body: line }, async (at, body) => {
    const days = readPeriod({ period: "30d" }, at.today);
    const answer = await call<Preview>(web, at.request, {
      method: "POST",
      url: "/api/v1/cost/mapping/preview",
      body: { items: [toItem(body)], from: days.from, to: days.to },
    });
    return previewContent(body, answer.body);
  });

  form(web, { url: "/cost/mapping/apply", who: keepers, body: line }, async (at, body) => {
    await call(web, at.request, { method: "PUT", url: "/api/v1/cost/mapping", body: { items: [toItem(body)] } });
    return "/cost/mapping";
  });
}

function toItem({ source, sourceName, label, affiliateId, kind }: Line) {
  return {
    redtrackSourceId: source ?? null,
    redtrackSourceName: sourceName ?? null,
    everflowAffiliateId: affiliateId ?? null,
    everflowAffiliateLabel: label,
    isInternal: kind === "internal",
  };
}

function unmappedColumns(isKeeper: boolean): Column<UnmappedSource>[] {
  const edit: Column<UnmappedSource> = {
    name: "edit",
    label: "Map it",
    kind: "text",
    isLocal: true,
    value: () => null,
    show: ({ sourceId }) => (
      <a href={`/cost/mapping/edit?source=${encodeURIComponent(sourceId)}`} aria-label={`Map source ${sourceId}`}>
        Map
      </a>
    ),
  };
  return [
    {
      name: "sourceName",
      label: "Source",
      kind: "text",
      value: (row) => row.sourceName,
      show: ({ sourceName, sourceId, origin }) => (
        <>
          <Name of={sourceName ?? sourceId} /> <Origin of={origin} />
        </>
      ),
    },
    { name: "sourceId", label: "Redtrack id", kind: "text", value: (row) => row.sourceId, isExtra: true },
    { name: "cost", label: "Spend", kind: "money", value: (row) => row.cost, currency: (row) => row.currency },
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    { name: "firstDay", label: "First day", kind: "day", value: (row) => row.firstDay, isExtra: true },
    { name: "lastDay", label: "Last day", kind: "day", value: (row) => row.lastDay },
    ...(isKeeper ? [edit] : []),
  ];
}

function mappingColumns(isKeeper: boolean): Column<MappingRow>[] {
  const edit: Column<MappingRow> = {
    name: "edit",
    label: "Change",
    kind: "text",
    isLocal: true,
    value: () => null,
    show: ({ redtrackSourceId: source, everflowAffiliateLabel: label }) => (
      <a
        href={`/cost/mapping/edit?${new URLSearchParams(source === null ? { label } : { source }).toString()}`}
        aria-label={`Change ${source ?? label}`}
      >
        Change
      </a>
    ),
  };
  return [
    {
      name: "everflowAffiliateLabel",
      label: "Affiliate",
      kind: "text",
      value: (row) => row.everflowAffiliateLabel,
      show: ({ everflowAffiliateLabel: label, isInternal }) => (
        <>
          <Name of={label} /> <Badge tone="quiet">{isInternal ? "internal" : "external"}</Badge>
        </>
      ),
    },
    {
      name: "everflowAffiliateId",
      label: "Everflow id",
      kind: "text",
      value: (row) => row.everflowAffiliateId,
      why: () => "the label leads to no single affiliate of Everflow",
    },
    { name: "redtrackSourceName", label: "Redtrack source", kind: "text", value: (row) => row.redtrackSourceName },
    {
      name: "redtrackSourceId",
      label: "Redtrack id",
      kind: "text",
      value: (row) => row.redtrackSourceId,
      isExtra: true,
    },
    { name: "loadedBy", label: "By", kind: "text", value: (row) => row.loadedBy, isExtra: true },
    { name: "loadedAt", label: "Since", kind: "moment", value: (row) => row.loadedAt, isExtra: true },
    ...(isKeeper ? [edit] : []),
  ];
}

async function editContent(at: At<{ source?: string | undefined; label?: string | undefined }>): Promise<Content> {
  const { source, label } = at.query;
  const of = { client: at.viewer.client };
  const mapping = await readMapping(at.parts.reading, of);
  const known = mapping.find((row) =>
    source === undefined ? row.everflowAffiliateLabel === label : row.redtrackSourceId === source,
  );
  const named = source === undefined ? [] : await readUnmappedSpend(at.parts.reading, of);
  const sourceName = known?.redtrackSourceName ?? named.find(({ sourceId }) => sourceId === source)?.sourceName ?? "";
  const labels = [...new Set(mapping.map((row) => row.everflowAffiliateLabel))];
  return {
    title: "Change the mapping",
    body: (
      <>
        <PageHead
          title="Change the mapping"
          lead="The next page shows what it makes of the figures; nothing changes before that."
        />
        <form class="stack panel" method="post" action="/cost/mapping/preview">
          <label>
            Redtrack source id
            <input name="source" value={source ?? ""} readOnly={source !== undefined} maxLength={200} />
          </label>
          <label>
            Its name
            <input name="sourceName" value={sourceName} maxLength={200} />
          </label>
          <label>
            Affiliate
            <input name="label" value={known?.everflowAffiliateLabel ?? ""} list="labels" required maxLength={200} />
          </label>
          <datalist id="labels">
            {labels.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
          <label>
            Its id in Everflow (empty: found by its name)
            <input
              name="affiliateId"
              value={known?.matchedAt === null ? (known.everflowAffiliateId ?? "") : ""}
              maxLength={200}
            />
          </label>
          <label>
            Whose cost counts
            <select name="kind">
              <option value="internal" selected={known?.isInternal === true}>
                internal: our spend
              </option>
              <option value="external" selected={known?.isInternal === false}>
                external: the payout
              </option>
            </select>
          </label>
          <div>
            <button type="submit" class="primary">
              Show what changes
            </button>
          </div>
        </form>
      </>
    ),
  };
}

interface Preview {
  merged: { inserted: number; updated: number; unchanged: number };
  before: Figures;
  after: Figures;
}

interface Change {
  affiliate: string;
  currency: string;
  before: Figures["items"][number] | null;
  after: Figures["items"][number] | null;
}

/** Affiliates whose figures the change touches. */
export function changesOf({ before, after }: Pick<Preview, "before" | "after">): Change[] {
  const keyOf = ({ affiliate, currency, origin }: Figures["items"][number]) =>
    JSON.stringify([affiliate, currency, origin]);
  const [was, is] = [
    new Map(before.items.map((row) => [keyOf(row), row])),
    new Map(after.items.map((row) => [keyOf(row), row])),
  ];
  return [...new Set([...was.keys(), ...is.keys()])]
    .map((key): Change => {
      const [affiliate = "", currency = ""] = JSON.parse(key) as string[];
      return { affiliate, currency, before: was.get(key) ?? null, after: is.get(key) ?? null };
    })
    .filter(
      ({ before: one, after: other }) =>
        one?.finalCost !== other?.finalCost || one?.cpa !== other?.cpa || one?.margin !== other?.margin,
    );
}

const changeColumns: readonly Column<Change>[] = [
  { name: "affiliate", label: "Affiliate", kind: "text", value: (row) => row.affiliate },
  ...(["finalCost", "cpa", "margin"] as const).map((name): Column<Change> => {
    const text = (row: Change["before"], currency: string) =>
      row === null || row[name] === null ? <None why={row?.note ?? null} /> : moneyText(row[name], currency);
    return {
      name,
      label: { finalCost: "Cost", cpa: "CPA", margin: "Margin" }[name],
      kind: "money",
      isLocal: true,
      value: (row) => row.after?.[name] ?? null,
      show: ({ before, after, currency }) => (
        <>
          <s class="quiet">
            <span class="visually-hidden">before </span>
            {text(before, currency)}
          </s>{" "}
          {text(after, currency)}
        </>
      ),
    };
  }),
];

function previewContent(body: Line, { merged, before, after }: Preview): Content {
  const changes = changesOf({ before, after });
  const unmapped = (of: Figures) =>
    of.totals.map(({ unmappedSpend, currency }) => moneyText(unmappedSpend, currency)).join(", ");
  return {
    title: "What changes",
    body: (
      <>
        <PageHead title="What changes" lead={`In the figures of the last ${previewDays} days, if you apply this.`} />
        {merged.inserted + merged.updated === 0 ? (
          <Notice tone="note">The mapping says this already.</Notice>
        ) : (
          <Notice tone="note">
            <Name of={body.sourceName ?? body.source ?? "The affiliate"} /> → <Name of={body.label} /> ({body.kind}).
            Spend of no affiliate: {unmapped(before)} before, {unmapped(after)} after.
          </Notice>
        )}
        <Table
          columns={changeColumns}
          rows={changes}
          caption="Affiliates whose figures change"
          zone="UTC"
          empty={<Empty title="No figure of these days changes">The mapping itself would.</Empty>}
        />
        <form class="row" method="post" action="/cost/mapping/apply">
          {Object.entries(body).map(([name, value]) =>
            value === undefined ? null : <input key={name} type="hidden" name={name} value={value} />,
          )}
          <button type="submit" class="primary">
            Apply
          </button>
          <a class="button" href="/cost/mapping">
            Leave it
          </a>
        </form>
      </>
    ),
  };
}
