import { denseScripts } from "../components/charts.tsx";
import { Origin } from "../components/format.tsx";
import { Empty, ExportLink, PageHead } from "../components/parts.tsx";
import { inAnyOrder, SortedTable, sortByAny } from "../components/sorted-table.tsx";
import { Table, type Column } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import { callUpTo } from "../shared/json.ts";
import { download, get, page } from "../shared/page.tsx";
import { readers, type At, type Web } from "../shared/web.ts";
import {
  analyticsOf,
  promo,
  query,
  type Analytics,
  type Funnel,
  type Offer,
  type OfferFigures,
  type Query,
  type VariationFigures,
} from "./answers.ts";
import { Details } from "./details.tsx";
import { funnelColumns, Periods, rateColumns, rawColumns, Summary } from "./figures.tsx";
import { typedHere } from "../../settings/typed-here.ts";

const mostOffers = 500;
const sortedQuery = { ...query, sort: sortByAny(offerColumns(undefined)) };

/** Offers of newsletters, compared; what there is beside them that was not shown. */
export function promoPages(web: Web): void {
  page(web, { url: "/promo", who: readers, query: sortedQuery }, async (at) => {
    const json = analyticsOf(at.query.days);
    const [answer, offers] = await Promise.all([
      get<Analytics>(web, at.request, json),
      callUpTo<Offer>(web, at, { path: `${promo}/offers`, query: { include_archived: "true" } }, mostOffers),
    ]);
    const { start, end } = answer.summary.date_range;
    return {
      title: "Promo",
      scripts: denseScripts(answer.timeline),
      body: (
        <>
          <PageHead
            title="Promo"
            lead={`Which offer and which text works, ${start} to ${end}, days of ${answer.summary.timezone.replaceAll("_", " ")}.`}
          >
            {at.viewer.isKeeper ? (
              <a class="button primary" href="/promo/new">
                New offer
              </a>
            ) : null}
            <ExportLink url={at.url} />
          </PageHead>
          <Periods url={at.url} days={at.query.days} />
          {offers.items.length === 0 ? <NoOffer /> : <Compared at={at} answer={answer} json={json} />}
          <Others offers={offers.items} answer={answer} zone={at.zone} />
        </>
      ),
    };
  });

  download(web, { url: "/promo.csv", who: readers, query: sortedQuery }, async (at) => {
    const answer = await get<Analytics>(web, at.request, analyticsOf(at.query.days));
    const { start, end } = answer.summary.date_range;
    return { name: `promo-${start}-${end}.csv`, text: toCsv(exported(), byOffer(answer, at.query.sort)) };
  });
}

/** Texts in the order of their offers on the page. */
function byOffer({ offers, variations }: Analytics, sort: string | undefined): VariationFigures[] {
  if (sort === undefined) return [...variations];
  const ids = inAnyOrder(offerColumns(undefined), offers, sort).map(({ offer_id: id }) => id);
  return [...variations].sort((one, other) => ids.indexOf(one.offer_id) - ids.indexOf(other.offer_id));
}

function Compared({ at, answer, json }: { at: At<Query>; answer: Analytics; json: string }) {
  const { zone } = at;
  return (
    <>
      <Summary of={answer} json={json} />
      <section aria-labelledby="offers">
        <h2 id="offers">Offers</h2>
        <SortedTable
          url={at.url}
          name="sort"
          columns={offerColumns(at.query.days)}
          rows={answer.offers}
          caption="Offers"
          zone={zone}
          json={{ url: json, path: "offers" }}
          empty={<p>No offer was shown or clicked in these days.</p>}
        />
      </section>
      <Details
        of={answer}
        json={json}
        zone={zone}
        funnel={{
          caption: "Funnel per offer",
          path: "by_offer",
          columns: [nameColumn(), ...funnelColumns<Funnel["by_offer"][number]>()],
          rows: answer.funnel.by_offer,
        }}
      />
    </>
  );
}

function NoOffer() {
  return (
    <Empty title="No offer yet">
      Create one with “New offer”, or load a file: <code>{typedHere("npm run promo -- load examples/promo.json")}</code>
    </Empty>
  );
}

function nameColumn<Row extends { offer_id: number; offer_name: string; origin?: string }>(
  days?: Query["days"],
): Column<Row> {
  return {
    name: "offer_name",
    label: "Offer",
    kind: "text",
    value: (row) => row.offer_name,
    show: (row) => (
      <>
        <a href={`/promo/offers/${row.offer_id}${days === undefined ? "" : `?days=${days}`}`}>{row.offer_name}</a>{" "}
        <Origin of={row.origin} />
      </>
    ),
  };
}

function offerColumns(days: Query["days"]): Column<OfferFigures>[] {
  return [
    nameColumn(days),
    ...rateColumns<OfferFigures>(),
    {
      name: "best_variation_id",
      label: "Best text",
      kind: "text",
      value: (row) => row.best_variation_id,
      show: (row) => row.best_reason,
      isLong: true,
    },
    ...rawColumns<OfferFigures>(),
  ];
}

/** Offers that nothing happened to in these days, and those that are over. */
function Others({ offers, answer, zone }: { offers: readonly Offer[]; answer: Analytics; zone: string }) {
  const rows = offers.filter(({ offer_id: id }) => !answer.offers.some((one) => one.offer_id === id));
  if (rows.length === 0) return null;
  const columns: Column<Offer>[] = [
    {
      name: "name",
      label: "Offer",
      kind: "text",
      value: (row) => row.name,
      show: (row) => (
        <>
          <a href={`/promo/offers/${row.offer_id}`}>{row.name}</a> <Origin of={row.origin} />
        </>
      ),
    },
    { name: "state", label: "State", kind: "text", value: stateOf, isLocal: true },
    { name: "weight", label: "Weight", kind: "ratio", value: (row) => row.weight },
    { name: "texts", label: "Texts", kind: "count", value: (row) => row.variations.length, isLocal: true },
  ];
  const indexOf = (row: Offer) => offers.indexOf(row);
  const url = `${promo}/offers?include_archived=true&limit=${mostOffers}`;
  return (
    <section aria-labelledby="others">
      <h2 id="others">Not shown in these days</h2>
      <Table
        columns={columns}
        rows={rows}
        caption="Offers without activity"
        zone={zone}
        json={{ url, path: "items", indexOf }}
      />
    </section>
  );
}

export const stateOf = ({ archived, active }: Offer) =>
  archived ? "archived" : active ? "active" : "not selected: inactive";

function exported(): Column<VariationFigures>[] {
  const plain = (name: keyof VariationFigures & string, kind: "text" | "count"): Column<VariationFigures> => ({
    name,
    label: name,
    kind,
    value: (row) => row[name] as string | number | null,
  });
  return [
    plain("offer_id", "count"),
    plain("offer_name", "text"),
    plain("variation_id", "count"),
    plain("text_preview", "text"),
    plain("cta_text", "text"),
    plain("tone", "text"),
    ...(["impressions", "clicks", "raw_clicks", "bot_clicks", "repeat_clicks", "ctr", "raw_ctr"] as const).map((name) =>
      plain(name, "count"),
    ),
    { name: "interval_low", label: "interval_low", kind: "count", value: (row) => row.interval?.low ?? null },
    { name: "interval_high", label: "interval_high", kind: "count", value: (row) => row.interval?.high ?? null },
  ];
}
