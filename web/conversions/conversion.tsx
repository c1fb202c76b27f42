import { attributionModels } from "../../rules/conversions/attribution.ts";
import { Moment, moneyText, Name, None } from "../components/format.tsx";
import { Fact, factsOf, Notice, PageHead } from "../components/parts.tsx";
import { get, page, param } from "../shared/page.tsx";
import { readers, type At, type Web } from "../shared/web.ts";
import type { ConversionDetails, Delivery, EverflowConversion } from "./answers.ts";
import { DeliveryTable } from "./deliveries.tsx";
import { shortKey } from "../components/short-key.ts";

const modelNames: Record<(typeof attributionModels)[number], string> = {
  first_click: "First click",
  last_click: "Last click",
  linear: "Linear",
  time_decay: "Time decay",
};

const journeys: Record<ConversionDetails["journey"], string> = {
  told: "AnyTrack sent the whole journey.",
  clicks: "The journey is built from clicks that are known.",
  conversion: "Only what the conversion itself says is known of its journey.",
  unknown: "Nothing is known of its journey, so no model can give credit.",
};

/** One conversion: what led to it, what each model makes of that, and where it was sent. */
export function conversionPage(web: Web): void {
  anytrackPage(web);
  everflowPage(web);
}

function anytrackPage(web: Web): void {
  page(web, { url: "/conversions/anytrack/:key", who: readers }, async (at) => {
    const key = param(at, "key");
    const json = `/api/v1/anytrack/conversions/${key}`;
    const found = await get<ConversionDetails>(web, at.request, json);
    const deliveries = await deliveriesOf(web, at, `anytrack:${found.conversionKey}`);
    return {
      title: `Conversion ${found.orderId ?? shortKey(found.conversionKey)}`,
      body: (
        <>
          <PageHead
            title={
              <>
                Conversion <Name of={found.orderId ?? shortKey(found.conversionKey)} />
              </>
            }
            lead={
              <>
                <Name of={found.type} /> of {found.date}
              </>
            }
          />
          <Facts
            facts={[
              [
                "Revenue",
                <Fact of={factsOf(json)("revenue", found.revenue)}>
                  {found.revenue === null ? (
                    <None why="no amount was sent" />
                  ) : (
                    moneyText(found.revenue, found.currency ?? "")
                  )}
                </Fact>,
              ],
              ["When", <Moment at={new Date(found.eventTime)} zone={at.zone} seconds />],
              ["Source", found.source],
              ["Campaign", found.campaignId],
              ["Ad", found.adId],
              ["Affiliate", found.affiliateId],
              ["Click", found.clickId],
              ["Key", <code>{found.conversionKey}</code>],
              [
                "Came by webhook",
                found.seenByWebhookAt === null ? null : <Moment at={new Date(found.seenByWebhookAt)} zone={at.zone} />,
              ],
              [
                "Came by pull",
                found.seenByPullAt === null ? null : <Moment at={new Date(found.seenByPullAt)} zone={at.zone} />,
              ],
              [
                "Sent to AnyTrack by us",
                found.trackedAt === null ? null : <Moment at={new Date(found.trackedAt)} zone={at.zone} />,
              ],
            ]}
          />
          <Journey found={found} zone={at.zone} json={json} />
          <DeliveryTable rows={deliveries} at={at} />
        </>
      ),
    };
  });
}

function everflowPage(web: Web): void {
  page(web, { url: "/conversions/everflow/:id", who: readers }, async (at) => {
    const json = `/api/v1/everflow/conversions/${param(at, "id")}`;
    const found = await get<EverflowConversion>(web, at.request, json);
    const deliveries = await deliveriesOf(web, at, `everflow:${found.conversionId}`);
    const money = (field: "payout" | "revenue" | "saleAmount") => {
      const amount = found[field];
      return (
        <Fact of={factsOf(json)(field, amount)}>
          {amount === null ? <None why="Everflow does not say" /> : moneyText(amount, found.currency)}
        </Fact>
      );
    };
    return {
      title: `Conversion ${found.conversionId}`,
      body: (
        <>
          <PageHead
            title={
              <>
                Conversion <Name of={found.conversionId} />
              </>
            }
            lead={
              <>
                <Name of={found.status} />, {found.date}
              </>
            }
          >
            <a class="button" href={`/receipts?source=everflow.conversions&from=${found.slice}&to=${found.slice}`}>
              Receipts of its day
            </a>
          </PageHead>
          <Facts
            facts={[
              ["Affiliate", found.affiliateName ?? found.affiliateId],
              ["Advertiser", found.advertiserName ?? found.advertiserId],
              ["Offer", found.offerName ?? found.offerId],
              ["Payout", money("payout")],
              ["Revenue", money("revenue")],
              ["Sale", money("saleAmount")],
              ["When", <Moment at={new Date(found.convertedAt)} zone={at.zone} seconds />],
              [
                "Click",
                found.clickedAt === null ? null : <Moment at={new Date(found.clickedAt)} zone={at.zone} seconds />,
              ],
              ["Event", found.isEvent ? found.event : null],
              ["Order", found.orderId],
              ["Transaction", found.transactionId],
              ["Country", found.country],
              ["Refused because", found.errorCode === "0" ? null : found.errorCode],
            ]}
          />
          <DeliveryTable rows={deliveries} at={at} />
        </>
      ),
    };
  });
}

async function deliveriesOf(web: Web, { request }: Pick<At<unknown>, "request">, key: string): Promise<Delivery[]> {
  const url = `/api/v1/deliveries?conversion=${encodeURIComponent(key)}`;
  return (await get<{ items: Delivery[] }>(web, request, url)).items;
}

function Facts({ facts }: { facts: [string, preact.ComponentChildren][] }) {
  return (
    <dl class="facts panel">
      {facts.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value === null ? <None why={null} /> : value}</dd>
        </>
      ))}
    </dl>
  );
}

/** Touchpoints in their order, with the share that each of the four models gives them. */
function Journey({ found, zone, json }: { found: ConversionDetails; zone: string; json: string }) {
  const { models } = found.attribution;
  const fact = factsOf(json);
  const weightOf = (model: string, position: number) => {
    const place = models.findIndex((one) => one.model === model);
    const at = models[place]?.weights.findIndex((one) => one.position === position) ?? -1;
    const weight = models[place]?.weights[at]?.weight ?? null;
    return weight === null ? (
      <None why={null} />
    ) : (
      <Fact of={fact(`attribution.models.${place}.weights.${at}.weight`, weight)}>
        {(Number(weight) * 100).toFixed(1)} %
      </Fact>
    );
  };
  return (
    <section aria-labelledby="journey">
      <h2 id="journey">Journey and credit</h2>
      <Notice tone={found.attribution.state === "known" ? "note" : "warning"}>{journeys[found.journey]}</Notice>
      {found.touchpoints.length === 0 ? null : (
        <div class="scroll" role="region" aria-label="Touchpoints" tabIndex={0}>
          <table>
            <caption class="visually-hidden">Touchpoints and the share each model gives them</caption>
            <thead>
              <tr>
                <th scope="col">Touchpoint</th>
                <th scope="col">When</th>
                <th scope="col">Source</th>
                <th scope="col" class="extra">
                  Campaign
                </th>
                {attributionModels.map((model) => (
                  <th key={model} scope="col" class="figure">
                    {modelNames[model]}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {found.touchpoints.map(({ position, type, at, source, campaignId }) => (
                <tr key={position}>
                  <th scope="row">
                    {position}. <Name of={type} />
                  </th>
                  <td>
                    <Moment at={new Date(at)} zone={zone} />
                  </td>
                  <td>{source ?? <None why={null} />}</td>
                  <td class="extra">{campaignId ?? <None why={null} />}</td>
                  {attributionModels.map((model) => (
                    <td key={model} class="figure">
                      {weightOf(model, position)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
