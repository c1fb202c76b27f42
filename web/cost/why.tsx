import { labelOf, metricWords, partWords, signed } from "../../rules/cost/why-words.ts";
import { explained, type Explained } from "../../rules/cost/why.ts";
import type { ExplainedChange } from "../../queries/cost/why.ts";
import { Bridge } from "../components/bridge.tsx";
import { countText, moneyText, Name, None, Origin } from "../components/format.tsx";
import {
  Counted,
  Empty,
  ExportLink,
  Fact,
  factsOf,
  Figure,
  Kept,
  Notice,
  PageHead,
  PeriodPicker,
} from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import type { Json } from "../shared/json.ts";
import { download, get, page, type Visit } from "../shared/page.tsx";
import { readers, withQuery, type Web } from "../shared/web.ts";
import { readWhy, whyQuery, type AskedWhy } from "./why-query.ts";
import { shareColumns, type Share } from "./why-shares.tsx";

/** As the JSON route answers: counts are numbers there, and the sentence is with it. */
export type Item = Omit<Json<ExplainedChange>, "parts"> & {
  says: string | null;
  parts: { part: ExplainedChange["parts"][number]["part"]; amount: string; shares: Share[] }[];
};
interface Answer {
  from: string;
  to: string;
  before: { from: string; to: string };
  since: string | null;
  until: string | null;
  items: Item[];
}

const mostShares = 50;

/** Why a figure changed: the change in parts that add up to it, each with the rows that it is made of. */
export function whyPages(web: Web): void {
  page(web, { url: "/why", who: readers, query: whyQuery }, async (at) => {
    const asked = readWhy(at);
    const answer = await get<Answer>(web, at.request, asked.json);
    const title = `Why did ${asked.metric === "cpa" ? "the CPA" : metricWords[asked.metric].toLowerCase()} change?`;
    return {
      title,
      body: (
        <>
          <PageHead title={title} lead={<Lead asked={asked} at={at} />}>
            <a class="button" href={`/cost?from=${asked.period.from}&to=${asked.period.to}`}>
              CPA
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          <Metrics at={at} metric={asked.metric} />
          <PeriodPicker url={at.url} period={{ ...asked.period, before: asked.before }} />
          <Against at={at} asked={asked} />
          {answer.items.length === 0 ? (
            <Empty title="Nothing is known of these days">
              <a href={`/freshness?from=${asked.period.from}&to=${asked.period.to}`}>See which days were read</a>, and
              fetch the missing ones from that page.
            </Empty>
          ) : (
            answer.items.map((item, index) => <Explained key={index} item={item} place={index} asked={asked} at={at} />)
          )}
        </>
      ),
    };
  });

  download(web, { url: "/why.csv", who: readers, query: whyQuery }, async (at) => {
    const asked = readWhy(at);
    const { items } = await get<Answer>(web, at.request, asked.json);
    const rows = items.flatMap(({ currency, origin, parts }) =>
      parts.flatMap(({ part, shares }) => shares.map((share) => ({ part, currency, origin, ...share }))),
    );
    const own: Column<(typeof rows)[number]>[] = [
      { name: "part", label: "Part", kind: "text", value: ({ part }) => part },
      { name: "currency", label: "Currency", kind: "text", value: ({ currency }) => currency },
      { name: "origin", label: "Origin", kind: "text", value: ({ origin }) => origin },
    ];
    return {
      name: `why-${asked.metric}-${asked.period.from}-${asked.period.to}.csv`,
      text: toCsv([...own, ...shareColumns({ asked, currency: "" })], rows),
    };
  });
}

function Lead({ asked, at }: { asked: AskedWhy; at: Visit<typeof whyQuery> }) {
  const { affiliateId, affiliate, sourceId, campaignId } = at.query;
  const of = affiliateId ?? affiliate ?? sourceId ?? campaignId;
  const kind =
    campaignId !== undefined ? "Redtrack campaign" : sourceId !== undefined ? "Redtrack source" : "Affiliate";
  const { period, before, since } = asked;
  return (
    <>
      {of === undefined ? (
        "All of it: "
      ) : (
        <>
          {kind} <Name of={of} /> (
          <a href={withQuery(at.url, { affiliateId: null, affiliate: null, sourceId: null, campaignId: null })}>
            show all
          </a>
          ):{" "}
        </>
      )}
      {period.from} to {period.to}
      {since === undefined
        ? `, against ${before.from} to ${before.to}.`
        : ", as it is known now against an earlier look."}
    </>
  );
}

function Metrics({ at, metric }: { at: Visit<typeof whyQuery>; metric: Explained }) {
  return (
    <nav class="period" aria-label="Figure">
      {explained.map((name) => (
        <a key={name} href={withQuery(at.url, { metric: name })} aria-current={name === metric ? "true" : undefined}>
          {metricWords[name]}
        </a>
      ))}
    </nav>
  );
}

/** What the period is set against: another one, or itself as it was known before. */
function Against({ at, asked }: { at: Visit<typeof whyQuery>; asked: AskedWhy }) {
  const { before, since } = asked;
  const dayAgo = new Date(at.now.getTime() - 24 * 3_600_000).toISOString();
  return (
    <div class="period" role="group" aria-label="Against">
      <a
        href={withQuery(at.url, { beforeFrom: null, beforeTo: null, since: null, until: null })}
        aria-current={at.query.beforeFrom === undefined && since === undefined ? "true" : undefined}
      >
        Days before
      </a>
      <a
        href={withQuery(at.url, { beforeFrom: null, beforeTo: null, until: null, since: dayAgo })}
        aria-current={since === undefined ? undefined : "true"}
      >
        A day ago
      </a>
      <form method="get" action={at.url.pathname}>
        <Kept url={at.url} except={["beforeFrom", "beforeTo", "since", "until"]} />
        <label>
          <span class="visually-hidden">First day to compare with</span>
          <input type="date" name="beforeFrom" value={before.from} required />
        </label>
        <span aria-hidden="true">–</span>
        <label>
          <span class="visually-hidden">Last day to compare with</span>
          <input type="date" name="beforeTo" value={before.to} required />
        </label>
        <button type="submit">Compare</button>
      </form>
      <form method="get" action={at.url.pathname}>
        <Kept url={at.url} except={["beforeFrom", "beforeTo", "since", "until"]} />
        <label>
          As it was known at <input type="datetime-local" name="since" required />
        </label>
        <button type="submit">Compare</button>
      </form>
    </div>
  );
}

interface ExplainedProps {
  item: Item;
  place: number;
  asked: AskedWhy;
  at: Visit<typeof whyQuery>;
}

function Explained({ item, place, asked, at }: ExplainedProps) {
  const { metric, currency, origin, before, after, change, note, says, parts } = item;
  const fact = factsOf(asked.json);
  const text = textIn(metric, currency);
  const known = (value: string | null, field: "before" | "after" | "change") => (
    <Figure
      label={
        { before: asked.since === undefined ? "Before" : "As it was known", after: "Now", change: "Change" }[field]
      }
      value={value === null ? <None why={note} /> : field === "change" ? signedText(value, text) : text(value)}
      fact={fact(`items.${place}.${field}`, value)}
    />
  );
  return (
    <section
      class="panel"
      aria-label={`${metricWords[metric]} in ${currency}${origin === "sandbox" ? ", sandbox" : ""}`}
    >
      <h2>
        {metricWords[metric]} <span class="quiet">{currency}</span> <Origin of={origin} />
      </h2>
      <div class="cards">
        {known(before, "before")}
        {known(after, "after")}
        {known(change, "change")}
      </div>
      {change === null ? (
        <Notice tone="note">{note}</Notice>
      ) : (
        <>
          <Bridge
            id={`why-${place}`}
            finding={<Fact of={fact(`items.${place}.says`, says)}>{says}</Fact>}
            before={{ label: "Before", amount: Number(before), text: text(before ?? "0") }}
            after={{ label: "Now", amount: Number(after), text: text(after ?? "0") }}
            steps={parts.map(({ part, amount }) => ({
              label: labelOf(part, metric),
              amount: Number(amount),
              text: signedText(amount, text),
            }))}
            axisText={(value) => text(String(value)).replace(/\.00$/, "")}
          />
          <Parts item={item} place={place} asked={asked} />
          {parts.map((part, index) => (
            <Rows
              key={part.part}
              {...{ part, item, asked, zone: at.zone }}
              path={`items.${place}.parts.${index}.shares`}
            />
          ))}
        </>
      )}
    </section>
  );
}

const textIn = (metric: Explained, currency: string) => (amount: string) =>
  metric === "conversions" ? countText(amount) : moneyText(amount, currency);
const signedText = (amount: string, text: (amount: string) => string) =>
  Number(amount) === 0 ? text("0") : signed(amount).slice(0, 1) + text(amount.replace("-", ""));

function Parts({ item, place, asked }: { item: Item; place: number; asked: AskedWhy }) {
  const { metric, currency, parts } = item;
  const text = textIn(metric, currency);
  const columns: Column<Item["parts"][number]>[] = [
    {
      ...{ name: "part", label: "Part", kind: "text", value: ({ part }) => part },
      show: ({ part, shares }) =>
        shares.length === 0 ? labelOf(part, metric) : <a href={`#${part}-${place}`}>{labelOf(part, metric)}</a>,
    },
    {
      ...{ name: "amount", label: "Of the change", kind: "money", value: ({ amount }) => amount },
      show: ({ amount }) => signedText(amount, text),
    },
    {
      ...{ name: "meaning", label: "What it is", kind: "text", isLocal: true, isLong: true },
      value: ({ part }) => partWords[part].meaning,
    },
  ];
  return (
    <Table
      columns={columns}
      rows={parts}
      zone="UTC"
      caption={`Parts of the change of ${metricWords[metric]} in ${currency}`}
      json={{ url: asked.json, path: `items.${place}.parts` }}
    />
  );
}

interface RowsProps {
  part: Item["parts"][number];
  item: Item;
  asked: AskedWhy;
  zone: string;
  path: string;
}

/** The rows of a part, closed until somebody asks for them. */
function Rows({ part: { part, amount, shares }, item, asked, zone, path }: RowsProps) {
  if (shares.length === 0) return null;
  const place = path.split(".")[1] ?? "0";
  const text = textIn(item.metric, item.currency);
  const more = shares.length - mostShares;
  return (
    <details id={`${part}-${place}`}>
      <summary>
        {labelOf(part, item.metric)},{" "}
        <Fact of={factsOf(asked.json)(path.replace(/shares$/, "amount"), amount)}>{signedText(amount, text)}</Fact>:{" "}
        <Counted json={asked.json} of={path} value={shares.length} /> {shares.length === 1 ? "row" : "rows"}
      </summary>
      <Table
        columns={shareColumns({ asked, currency: item.currency, part })}
        rows={shares.slice(0, mostShares)}
        zone={zone}
        caption={`What ${labelOf(part, item.metric).toLowerCase()} is made of`}
        json={{ url: asked.json, path }}
      />
      {more > 0 ? <p class="quiet">And {countText(more)} smaller ones, which the export has.</p> : null}
    </details>
  );
}
