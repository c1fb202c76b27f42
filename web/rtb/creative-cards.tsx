import { Badge, moneyText, Name, Origin, type Tone } from "../components/format.tsx";
import type { Tier } from "../../queries/rtb/creative-shapes.ts";
import { creativeAddress, type Creative } from "./answers.ts";
import { Approval, Outline, sizeText, Trend, Vanished } from "./marks.tsx";

const tierTones: Record<Tier, Tone> = { high: "good", medium: "note", low: "quiet", zero: "quiet" };

/** Creatives to look at. What they are sorted by in the browser is in their data. */
export function Cards({ items, currency }: { items: readonly Creative[]; currency: string }) {
  return (
    <ul class="tiles creatives" id="creatives">
      {items.map((item) => (
        <Card key={`${item.buyerId} ${item.creativeId}`} of={item} currency={currency} />
      ))}
    </ul>
  );
}

function Card({ of: item, currency }: { of: Creative; currency: string }) {
  const { creativeId, performance: of } = item;
  return (
    <li data-id={creativeId} data-spend={of.spend} data-cpc={of.cpc ?? ""} data-cpm={of.cpm ?? ""}>
      <Outline {...item} />
      <FormatLine of={item} />
      <div class="section-head">
        <a href={creativeAddress(item)}>{creativeId}</a>
        <Badge tone={tierTones[of.tier]}>{of.tier === "zero" ? "no spend" : `${of.tier} spend`}</Badge>
      </div>
      <div class="value">{moneyText(of.spend, currency)}</div>
      <div>
        CPC {of.cpc ?? "–"} · CPM {of.cpm ?? "–"}
      </div>
      <div>
        <Trend trend={of.trend} />
        {of.topGeography === null ? "" : ` · ${of.topGeography} ${of.topGeographyShare ?? "–"} %`}
      </div>
      <Whose of={item} />
    </li>
  );
}

/** HTML 300×250, Medium Rectangle. */
export function FormatLine({ of }: { of: Pick<Creative, "format" | "width" | "height" | "canonicalSize"> }) {
  return (
    <div class="quiet format">
      <Name of={of.format ?? "unknown format"} /> <Name of={sizeText(of) ?? "size unknown"} />
    </div>
  );
}

function Whose({ of }: { of: Creative }) {
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
        {approvalStatus === null ? null : <Approval of={approvalStatus} />} <Vanished at={vanishedAt} />{" "}
        {isStub ? <Badge tone="quiet">known from a file only</Badge> : null} <Origin of={origin} />
      </div>
    </>
  );
}
