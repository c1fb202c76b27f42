import { currencyOf } from "../../api/server/zone.ts";
import { memberOrders } from "../../queries/intelligence/campaign-details.ts";
import { creativeName } from "../../rules/rtb/creative-names.ts";
import { moneyText, Name } from "../components/format.tsx";
import { moneyIn } from "../components/columns.ts";
import { Empty, ExportLink, Fact, factsOf, NextPage, type FactOf } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import type { JsonPage } from "../shared/json.ts";
import { param } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { readers, withQuery, type At, type Web } from "../shared/web.ts";
import { creativeAddress, rtb, type CampaignDetails, type Facets, type Member } from "./answers.ts";
import { FormatLine } from "./creative-cards.tsx";
import { basisWord } from "./grouping-words.tsx";
import { Approval, languageName, momentOf, Outline, Vanished } from "./marks.tsx";

interface Props {
  at: At<unknown>;
  campaign: CampaignDetails;
  members: JsonPage<Member>;
  /** Campaigns that creatives can be moved to; null for who may not. */
  others: Facets["campaigns"] | null;
  currency: string;
}

export const membersPath = (at: Parameters<typeof param>[0]) => `${rtb}/campaigns/${param(at, "id")}/members`;

/** The creatives of a campaign, in the order of the page, as a file. */
export function membersExport(web: Web): void {
  const query = { sortMembers: sortedQuery(memberOrders).sort };
  exportList<Member, typeof query>(web, { url: "/campaigns/:id/creatives.csv", who: readers, query }, (at) => ({
    name: `campaign-${param(at, "id")}-creatives.csv`,
    path: membersPath(at),
    query: { sort: at.query.sortMembers },
    columns: memberColumns(currencyOf(at.parts, at.viewer.client)),
  }));
}

function memberColumns(currency: string): Column<Member>[] {
  const text = (name: string, label: string, value: (row: Member) => string | null): Column<Member> => ({
    ...{ name, label, kind: "text", value },
  });
  const money = moneyIn<Member>(currency);
  return [
    text("creativeId", "Creative", (row) => row.creativeId),
    text("buyerId", "Seat", (row) => row.buyerId),
    text("format", "Format", (row) => row.format),
    text("canonicalSize", "Size", (row) => row.canonicalSize),
    text("advertiserName", "Advertiser", (row) => row.advertiserName),
    text("languages", "Languages", (row) => row.languages?.join("; ") ?? null),
    text("approvalStatus", "Approval", (row) => row.approvalStatus),
    { name: "vanishedAt", label: "Vanished", kind: "moment", value: (row) => momentOf(row.vanishedAt) },
    text("basis", "What joins it", (row) => row.basis),
    text("key", "By", (row) => row.key),
    { name: "confidence", label: "Confidence", kind: "ratio", value: (row) => row.confidence },
    text("variant.language", "Variant, language", (row) => row.variant?.language ?? null),
    text("variant.format", "Variant, format", (row) => row.variant?.format ?? null),
    money("spend7d", "Spend, 7 days", (row) => row.spend7d),
    money("spendAllTime", "Spend, all", (row) => row.spendAllTime),
  ];
}

/** Who is in a campaign and why. Those that are ticked can be split off or moved. */
export function Members({ at, campaign, members: { items, next, url: json }, others, currency }: Props) {
  const own = `/campaigns/${campaign.campaignId}`;
  const cards = (
    <ul class="tiles creatives">
      {items.map((member, index) => (
        <Card
          key={`${member.buyerId} ${member.creativeId}`}
          of={member}
          fact={(field, value) => factsOf(json)(`items.${index}.${field}`, value)}
          currency={currency}
          canTick={others !== null}
        />
      ))}
    </ul>
  );
  return (
    <section aria-labelledby="members" class="stacked">
      <div class="section-head">
        <h2 id="members">Creatives, and what joins each</h2>
        {items.length === 0 ? null : (
          <ExportLink url={at.url} path={`${own}/creatives.csv`} without={["period", "members"]} />
        )}
      </div>
      {items.length > 1 ? <Orders url={at.url} /> : null}
      {items.length === 0 ? (
        <Empty title="No creative is in it">
          {campaign.isClustered ? "A person named it, so it stays." : "Move some here from another campaign."}
        </Empty>
      ) : others === null ? (
        cards
      ) : (
        <form method="post" action={`${own}/split`} class="stacked">
          <Ticked own={own} others={others} />
          {cards}
        </form>
      )}
      <NextPage url={at.url} next={next} name="members" />
    </section>
  );
}

const orderNames = {
  "-spend7d": "By spend in 7 days",
  "-spendAllTime": "By all spend",
  creativeId: "By id",
  advertiserName: "By advertiser",
};

function Orders({ url }: { url: URL }) {
  const sort = url.searchParams.get("sortMembers") ?? memberOrders.usual;
  return (
    <div class="period" role="group" aria-label="Order of the creatives">
      {Object.entries(orderNames).map(([name, label]) => (
        <a
          key={name}
          href={withQuery(url, { sortMembers: name, members: null })}
          aria-current={sort === name ? "true" : undefined}
        >
          {label}
        </a>
      ))}
    </div>
  );
}

function Ticked({ own, others }: { own: string; others: Facets["campaigns"] }) {
  return (
    <div class="panel ticked" role="group" aria-label="What to do with those that are ticked">
      <b>Those that are ticked:</b>
      <div class="row">
        <label>
          Split off as <input name="name" minLength={3} maxLength={80} placeholder="name of the new campaign" />
        </label>
        <button type="submit">Split off</button>
      </div>
      {others.length === 0 ? null : (
        <div class="row">
          <label>
            Move to{" "}
            <select name="to">
              {others.map(({ value, name }) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <button type="submit" formaction={`${own}/move`}>
            Move
          </button>
        </div>
      )}
    </div>
  );
}

/** A seat with a slash would end a name too early: then the id says it, as long as no other seat has it. */
const nameOf = ({ creativeId, buyerId }: Member) =>
  buyerId === null || buyerId.includes("/") ? creativeId : creativeName(buyerId, creativeId);

interface CardProps {
  of: Member;
  /** A maker of facts of this member. */
  fact: (field: keyof Member, value: string) => FactOf;
  currency: string;
  canTick: boolean;
}

function Card({ of, fact, currency, canTick }: CardProps) {
  const { creativeId, advertiserName, languages, approvalStatus, vanishedAt, spend7d, spendAllTime } = of;
  return (
    <li>
      <Outline {...of} />
      <div class="section-head">
        <FormatLine of={of} />
        {canTick ? (
          <input type="checkbox" name="creatives" value={nameOf(of)} aria-label={`Choose ${creativeId}`} />
        ) : null}
      </div>
      <a class="id" href={creativeAddress(of)}>
        {creativeId}
      </a>
      <div>
        <Fact of={fact("spend7d", spend7d)}>{moneyText(spend7d, currency)}</Fact> in 7 days,{" "}
        <Fact of={fact("spendAllTime", spendAllTime)}>{moneyText(spendAllTime, currency)}</Fact> in all
      </div>
      <div class="names">
        {advertiserName === null ? null : (
          <div>
            <Name of={advertiserName} />
          </div>
        )}
        {languages === null || languages.length === 0 ? null : (
          <div class="quiet">
            <Name of={languages.map(languageName).join(", ")} />
          </div>
        )}
      </div>
      <Why of={of} />
      <div class="marks">
        {approvalStatus === null ? null : <Approval of={approvalStatus} />} <Vanished at={vanishedAt} />
      </div>
    </li>
  );
}

function Why({ of: { basis, key, confidence } }: { of: Member }) {
  return (
    <div class="why-here">
      <b>{basisWord(basis)}</b>
      {confidence === null ? "" : ` · ${confidence.toFixed(2)}`}
      {basis === "text" ? " · 0.60 to 0.90" : ""}
      {key === null ? null : (
        <div class="quiet">
          <Name of={key} />
        </div>
      )}
    </div>
  );
}
