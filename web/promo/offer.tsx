import { bestFirst } from "../../rules/promo/rate.ts";
import { denseScripts } from "../components/charts.tsx";
import { Badge, Name, Origin } from "../components/format.tsx";
import { PageHead } from "../components/parts.tsx";
import { SortedTable, sortByAny } from "../components/sorted-table.tsx";
import type { Column } from "../components/table.tsx";
import { get, page, param } from "../shared/page.tsx";
import { readers, safeLink, type Web } from "../shared/web.ts";
import { analyticsOf, promo, query, type Analytics, type Offer, type VariationFigures } from "./answers.ts";
import { Details } from "./details.tsx";
import { funnelColumns, Periods, rateColumns, rawColumns, standingOf, Summary } from "./figures.tsx";
import { ChangeOffer, NewVariation, Variations } from "./forms.tsx";
import { stateOf } from "./page.tsx";

type VariationFunnel = Analytics["funnel"]["by_variation"][number];

/** One offer: its texts beside each other, and what of them can be changed. */
export function promoOfferPage(web: Web): void {
  page(
    web,
    {
      url: "/promo/offers/:id",
      who: readers,
      query: { ...query, sort: sortByAny(variationColumns({ offers: [], variations: [] })) },
    },
    async (at) => {
      const offer = await get<Offer>(web, at.request, `${promo}/offers/${param(at, "id")}`);
      const json = analyticsOf(at.query.days, offer.offer_id);
      const answer = await get<Analytics>(web, at.request, json);
      const { zone } = at;
      const nameOf = (id: number) =>
        offer.variations.flatMap((one) => (one.variation_id === id ? [one.text_content] : [])).join("");
      return {
        title: offer.name,
        scripts: denseScripts(answer.timeline),
        body: (
          <>
            <PageHead title={offer.name} lead={<Lead of={offer} />}>
              <a class="button" href="/promo">
                All offers
              </a>
            </PageHead>
            <Periods url={at.url} days={at.query.days} />
            <Summary of={answer} json={json} />
            <section aria-labelledby="texts">
              <h2 id="texts">Texts compared</h2>
              <p>{best(answer)}</p>
              <SortedTable
                url={at.url}
                name="sort"
                columns={variationColumns(answer)}
                rows={answer.variations}
                caption="Texts"
                zone={zone}
                json={{ url: json, path: "variations" }}
                empty={<p>This offer has no text yet.</p>}
              />
            </section>
            <Details
              of={answer}
              json={json}
              zone={zone}
              funnel={{
                caption: "Funnel per text",
                path: "by_variation",
                columns: [textColumn(nameOf), ...funnelColumns<VariationFunnel>()],
                rows: answer.funnel.by_variation,
              }}
            />
            <section aria-labelledby="manage">
              <h2 id="manage">{at.viewer.isKeeper ? "Change its texts" : "Its texts"}</h2>
              <Variations of={offer} isKeeper={at.viewer.isKeeper} zone={zone} />
              {at.viewer.isKeeper ? (
                <div class="columns">
                  <NewVariation of={offer} />
                  <ChangeOffer of={offer} />
                </div>
              ) : null}
            </section>
          </>
        ),
      };
    },
  );
}

function Lead({ of }: { of: Offer }) {
  const leadsTo = safeLink(of.destination_url);
  return (
    <>
      <Badge tone={of.archived ? "quiet" : of.active ? "good" : "warning"}>{stateOf(of)}</Badge>{" "}
      <Origin of={of.origin} /> <Name of={of.offer_type} />, <code>/r/{of.slug}</code> leads to{" "}
      {leadsTo === null ? (
        <Name of={of.destination_url} />
      ) : (
        <a href={leadsTo} rel="noreferrer noopener">
          {of.destination_url}
        </a>
      )}
    </>
  );
}

function best({ offers }: Analytics): string {
  const [one] = offers;
  if (one === undefined) return "Nothing to compare in these days.";
  const reason = one.best_reason;
  return one.best_variation_id === null
    ? `No text is best: ${reason}.`
    : `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;
}

function variationColumns({
  offers,
  variations,
}: Pick<Analytics, "offers" | "variations">): Column<VariationFigures>[] {
  const bestId = offers[0]?.best_variation_id ?? null;
  const asCounted = (row: VariationFigures) => ({ ...row, id: row.variation_id });
  const [leader] = bestFirst(variations.map(asCounted).filter(({ interval }) => interval !== null));
  return [
    {
      name: "variation_id",
      label: "Text",
      kind: "count",
      value: (row) => row.variation_id,
      show: (row) => row.variation_id,
    },
    {
      name: "text_preview",
      label: "begins",
      kind: "text",
      value: (row) => row.text_preview,
      isLong: true,
    },
    ...rateColumns<VariationFigures>(),
    {
      name: "standing",
      label: "Compared",
      kind: "text",
      value: (row) => standingOf(asCounted(row), leader, bestId),
      isLocal: true,
      isLong: true,
    },
    ...rawColumns<VariationFigures>(),
  ];
}

function textColumn(nameOf: (id: number) => string): Column<VariationFunnel> {
  return {
    name: "variation_id",
    label: "Text",
    kind: "text",
    value: (row) => row.variation_id,
    show: (row) => (
      <>
        {row.variation_id}: <Name of={nameOf(row.variation_id).slice(0, 50)} />
      </>
    ),
    isLong: true,
  };
}
