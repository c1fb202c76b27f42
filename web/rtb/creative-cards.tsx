import { areAllSandbox, Badge, moneyText, Name, Origin, type Tone } from "../components/format.tsx";
import type { Tier } from "../../queries/rtb/creative-shapes.ts";
import { creativeAddress, type Creative } from "./answers.ts";
import { Approval, sizeText, Trend, Vanished } from "./marks.tsx";
import { Thumbnail } from "./thumbnail.tsx";

const tierTones: Record<Tier, Tone> = { high: "good", medium: "note", low: "quiet", zero: "quiet" };

/** Creatives to look at. What they are sorted by in the browser is in their data. */
export function Cards({ items, currency }: { items: readonly Creative[]; currency: string }) {
  const isOneBadge = areAllSandbox(items);
  return (
    <ul class="tiles creatives" id="creatives">
      {items.map((item) => (
        <Card key={`${item.buyerId} ${item.creativeId}`} of={item} currency={currency} isOneBadge={isOneBadge} />
      ))}
    </ul>
  );
}

function Card({ of: item, currency, isOneBadge }: { of: Creative; currency: string; isOneBadge: boolean }) {
  const { creativeId, performance: of } = item;
  return (
    <li data-id={creativeId} data-spend={of.spend} data-cpc={of.cpc ?? ""} data-cpm={of.cpm ?? ""}>
      <Thumbnail of={item} />
      <FormatLine of={item} />
      <a class="id" href={creativeAddress(item)}>
        {creativeId}
      </a>
      <div class="value">{moneyText(of.spend, currency)}</div>
      <div>
        CPC {of.cpc ?? "–"} · CPM {of.cpm ?? "–"}
      </div>
      <Change of={of} />
      <Whose of={item} isOneBadge={isOneBadge} />
    </li>
  );
}

/** How its spend changed, and where most of it went; nothing of what is not known. */
function Change({ of: { trend, topGeography, topGeographyShare } }: { of: Creative["performance"] }) {
  if (trend === null && topGeography === null) return null;
  return (
    <div>
      {trend === null ? null : <Trend trend={trend} />}
      {trend === null || topGeography === null ? "" : " · "}
      {topGeography === null ? "" : `${topGeography} ${topGeographyShare ?? "–"} %`}
    </div>
  );
}

/** HTML 300×250, Medium Rectangle. */
export function FormatLine({ of }: { of: Pick<Creative, "format" | "width" | "height" | "canonicalSize"> }) {
  return (
    <div class="quiet format">
      <Name of={`${of.format ?? "unknown format"} ${sizeText(of) ?? "size unknown"}`.trimEnd()} />
    </div>
  );
}

function Whose({ of, isOneBadge }: { of: Creative; isOneBadge: boolean }) {
  const { tier } = of.performance;
  const { advertiserName, approvalStatus, buyerId, campaigns, vanishedAt, isStub, origin } = of;
  return (
    <>
      <div class="names">
        {advertiserName === null ? null : (
          <div>
            <Name of={advertiserName} />
          </div>
        )}
        {campaigns.map(({ campaignId, campaignName }) => (
          <div key={campaignId}>
            <a href={`/campaigns/${campaignId}`}>{campaignName}</a>
          </div>
        ))}
        {buyerId === null ? null : (
          <div class="quiet">
            seat <Name of={buyerId} />
          </div>
        )}
      </div>
      <div class="marks">
        <Badge tone={tierTones[tier]}>{tier === "zero" ? "no spend" : `${tier} spend`}</Badge>
        {approvalStatus === null ? null : <Approval of={approvalStatus} />}
        {vanishedAt === null ? null : <Vanished at={vanishedAt} />}
        {isStub ? <Badge tone="quiet">known from a file only</Badge> : null}
        {isOneBadge ? null : <Origin of={origin} />}
      </div>
    </>
  );
}
