import { z } from "zod";
import type { tieOutLast, tieOutSums, tieOutTotals } from "../../api/findings/tie-out-shapes.ts";
import { placeInList } from "../../api/server/lists.ts";
import { tieOutDayOrders, tieOutOrders } from "../../queries/findings/tie-out.ts";
import { tieOutDifferences } from "../../rules/findings/tie-out.ts";
import { areAllSandbox, countText, Moment, moneyText, Origin } from "../components/format.tsx";
import { Filters } from "../components/filters.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Counts, Empty, ExportLink, factsOf, Figure, Notice, PageHead, PeriodPicker } from "../components/parts.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList, callTotals, type JsonPage } from "../shared/json.ts";
import { call, form, get, page, type Visit } from "../shared/page.tsx";
import { periodQuery, readPeriod } from "../shared/period.ts";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, withQuery, type At, type Web } from "../shared/web.ts";
import {
  dayColumns,
  dayFileColumns,
  differenceWords,
  itemColumns,
  itemFileColumns,
  type Day,
  type Item,
} from "./tie-out-columns.tsx";

export const tieOutJson = "/api/v1/tie-out";
type Sums = z.infer<typeof tieOutSums>;
type Totals = z.infer<typeof tieOutTotals>;
type Last = z.infer<typeof tieOutLast>;

const daysShown = 20;
const filters = {
  ...periodQuery,
  difference: z.enum(tieOutDifferences).optional(),
  affiliate: z.string().max(200).optional(),
};
const byItem = sortedQuery(tieOutOrders);
const byDay = sortedQuery(tieOutDayOrders);
export const query = {
  ...filters,
  ...byItem,
  day_sort: byDay.sort,
  day_cursor: placeInList,
  sent: z.coerce.number().int().min(0).optional(),
};

/** What a visit asks of the JSON routes. */
export function askedOf({ query: { period, from, to, difference, affiliate }, today }: Visit<typeof filters>) {
  const days = readPeriod({ period, from, to }, today, "7d");
  const range = { from: days.from, to: days.to, affiliate };
  return { period: days, range, asked: { ...range, difference } };
}

/** Redtrack, AnyTrack and Everflow side by side: by day and affiliate, and one by one what differs. */
export function tieOutPages(web: Web): void {
  page(web, { url: "/tie-out", who: readers, query }, async (at) => {
    const { period, range, asked } = askedOf(at);
    const { sort, cursor, day_sort, day_cursor, sent } = at.query;
    const days = {
      path: `${tieOutJson}/days`,
      query: { ...range, limit: daysShown, sort: day_sort, cursor: day_cursor },
    };
    const [sums, dayList, items, totals, { last }] = await Promise.all([
      callTotals<Sums>(web, at, days),
      callList<Day>(web, at, days),
      callList<Item>(web, at, { path: tieOutJson, query: { ...asked, sort, cursor } }),
      callTotals<Totals>(web, at, { path: tieOutJson, query: asked }),
      get<{ last: Last | null }>(web, at.request, `${tieOutJson}/comparison`),
    ]);
    return {
      title: "Tie-out",
      body: (
        <>
          <Head at={at} last={last} />
          <PeriodPicker url={at.url} period={period} />
          {sent === undefined ? null : (
            <Notice tone="good">
              {countText(sent)} {sent === 1 ? "conversion is" : "conversions are"} being sent to AnyTrack, each order
              once. What AnyTrack has reported leaves this list.
            </Notice>
          )}
          {sums.totals.items.map((_, index) => (
            <SideBySide key={index} of={sums.totals} index={index} json={sums.json} />
          ))}
          <Days at={at} list={dayList} />
          <OneByOne at={at} list={items} totals={totals} />
        </>
      ),
    };
  });

  exportList(web, { url: "/tie-out.csv", who: readers, query: { ...filters, sort: byItem.sort } }, (at) => {
    const { period, asked } = askedOf(at);
    const name = `tie-out-${period.from}-${period.to}.csv`;
    return { name, path: tieOutJson, query: { ...asked, sort: at.query.sort }, columns: itemFileColumns };
  });
  exportList(web, { url: "/tie-out/days.csv", who: readers, query: { ...filters, day_sort: byDay.sort } }, (at) => {
    const { period, range } = askedOf(at);
    const name = `tie-out-days-${period.from}-${period.to}.csv`;
    return {
      ...{ name, path: `${tieOutJson}/days`, columns: dayFileColumns },
      query: { ...range, sort: at.query.day_sort },
    };
  });
  form(web, { url: "/tie-out/compare", who: keepers, body: z.object({}) }, async ({ request }) => {
    await call(web, request, { method: "POST", url: `${tieOutJson}/comparison` });
    return "/tie-out";
  });
}

function Head({ at, last }: { at: At<unknown>; last: Last | null }) {
  return (
    <>
      <PageHead
        title="Tie-out"
        lead="The same conversions as Redtrack, AnyTrack and Everflow have them: how many are in all three, what one of them is missing, and who says which amount."
      >
        {at.viewer.isKeeper ? (
          <form method="post" action="/tie-out/compare">
            <button type="submit">Compare now</button>
          </form>
        ) : null}
      </PageHead>
      {last === null ? null : (
        <p class="quiet">
          Compared <Moment at={new Date(last.at)} zone={at.zone} />, by{" "}
          <WorkflowLink parts={at.parts} workflowId={last.workflowId} runId={last.runId}>
            this workflow
          </WorkflowLink>
          ; again within ten minutes of a change. Days are those of America/New_York.
        </p>
      )}
    </>
  );
}

const cards = [
  ["inAll", "In all three", "by number: Redtrack reports how many"],
  ["inTwo", "In two", null],
  ["inOne", "In one alone", null],
  ["missingInRedtrack", "Missing in Redtrack", "of affiliates whose sources it has"],
  ["missingInAnytrack", "Missing in AnyTrack", "Everflow has them"],
  ["missingInEverflow", "Missing in Everflow", "AnyTrack has them of its affiliates"],
] as const;

function SideBySide({ of, index, json }: { of: Sums; index: number; json: string }) {
  const fact = factsOf(json);
  const sum = of.items[index];
  if (sum === undefined) return null;
  const place = (field: string) => `items.${index}.${field}`;
  return (
    <>
      <p>
        Redtrack counts {countOf(sum.redtrack)}, Everflow {countOf(sum.everflow)}, AnyTrack {countOf(sum.anytrack)}{" "}
        conversions. <Origin of={sum.origin} />
        {sum.openDays > 0
          ? ` ${countText(sum.openDays)} ${sum.openDays === 1 ? "day is" : "days are"} not final: what is missing then is not named yet.`
          : null}
      </p>
      <div class="cards">
        {cards.map(([field, label, note]) => (
          <Figure
            key={field}
            label={label}
            value={sum[field] === null ? "–" : countText(sum[field])}
            fact={fact(place(field), sum[field])}
          >
            {note}
          </Figure>
        ))}
      </div>
    </>
  );
}

const countOf = (value: number | null) => (value === null ? "none" : countText(value));

function Days({ at, list }: { at: Visit<typeof query>; list: JsonPage<Day> }) {
  return (
    <section class="stacked" aria-labelledby="days">
      <div class="page-head">
        <h2 id="days">By day and affiliate</h2>
        <div class="actions">
          <ExportLink url={at.url} path="/tie-out/days.csv" without={["sort", "cursor", "day_cursor", "sent"]} />
        </div>
      </div>
      <ListTable
        at={at}
        list={list}
        orders={tieOutDayOrders}
        names={{ sort: "day_sort", cursor: "day_cursor" }}
        columns={dayColumns(areAllSandbox(list.items))}
        caption="Conversions by day and affiliate"
        empty={
          <Empty title="No conversions in these days">
            <a href="/freshness">See whether the days were read</a>, or choose another period.
          </Empty>
        }
      />
      <p class="quiet">
        The differences of a day are what one of the three is missing, what Redtrack counts more than Everflow, amounts
        that differ and what Everflow refused. Redtrack reports numbers by day and source and no conversion by itself:
        which ones it is missing, it does not say, so that its part is not in the list beneath. Which sources belong to
        an affiliate is in the <a href="/cost/mapping">mapping</a>.
      </p>
    </section>
  );
}

interface Listed {
  at: Visit<typeof query>;
  list: JsonPage<Item>;
  totals: { totals: Totals; json: string };
}

function OneByOne({ at, list, totals: { totals, json } }: Listed) {
  const fact = factsOf(json);
  const isFiltered = at.query.difference !== undefined || at.query.affiliate !== undefined;
  return (
    <section class="stacked" aria-labelledby="one-by-one">
      <div class="page-head">
        <h2 id="one-by-one">One by one</h2>
        <div class="actions">
          <ExportLink url={at.url} without={["day_sort", "day_cursor", "cursor", "sent"]} />
        </div>
      </div>
      <Counts
        json={json}
        of={[
          ["differences", "Differences", totals.differences],
          ["amountDiffers", "Amounts differ", totals.amountDiffers],
          ["refusedByEverflow", "Refused by Everflow", totals.refusedByEverflow],
        ]}
      />
      {totals.amounts.length === 0 ? null : (
        <div class="cards">
          {totals.amounts.map(({ currency, origin, atStake, count }, index) => (
            <Figure
              key={`${currency} ${origin}`}
              label={`At stake in ${currency}`}
              value={moneyText(atStake, currency)}
              fact={fact(`amounts.${index}.atStake`, atStake)}
            >
              {countText(count)} conversions <Origin of={origin} />
            </Figure>
          ))}
        </div>
      )}
      <Filters
        url={at.url}
        filters={[
          {
            ...{ name: "difference", label: "Difference", kind: "choice" },
            choices: [["", "all"], ...tieOutDifferences.map((one) => [one, differenceWords[one].word] as const)],
          },
          { name: "affiliate", label: "Affiliate's id", kind: "text" },
        ]}
      />
      {at.viewer.isKeeper && totals.missingInAnytrack > 0 ? (
        <p>
          <a class="button" href={resendAddress(at.url)}>
            Send what AnyTrack is missing
          </a>{" "}
          <span class="quiet">First you see what would be sent.</span>
        </p>
      ) : null}
      <ListTable
        at={at}
        list={list}
        orders={tieOutOrders}
        columns={itemColumns(areAllSandbox(list.items))}
        caption="Conversions that differ"
        empty={
          isFiltered ? (
            <Empty title="Nothing under these filters">
              <a href={withQuery(at.url, { difference: null, affiliate: null })}>Without filters</a>
            </Empty>
          ) : (
            <Empty title="Nothing differs">
              What Everflow and AnyTrack have of these days is the same, as far as the days are final.
            </Empty>
          )
        }
      />
    </section>
  );
}

function resendAddress(url: URL): string {
  const to = new URL(url);
  to.pathname = "/tie-out/resend";
  return withQuery(to, {
    ...Object.fromEntries(
      ["difference", "sort", "cursor", "day_sort", "day_cursor", "sent"].map((name) => [name, null]),
    ),
  });
}
