import { z } from "zod";
import { decidedStates } from "../../rules/intelligence/opportunity-states.ts";
import { LineChart } from "../components/charts.tsx";
import { moneyIn } from "../components/columns.ts";
import { moneyText, Name } from "../components/format.tsx";
import { WorkflowLink } from "../components/links.tsx";
import { changeColumns, Decide, State } from "../components/listed-states.tsx";
import { Count, Fact, factsOf, Figure, Notice, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { call, form, get, page, param } from "../shared/page.tsx";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import { currencyOf } from "../rtb/creatives.tsx";
import { creativeAddress } from "../rtb/answers.ts";
import { opportunities, type OpportunityDetails } from "./answers.ts";
import { confidenceText, percentOf, subjectText, typeWords } from "./opportunity-words.tsx";

type Side = {
  side: "own" | "rest";
  name: string;
  clicks: number;
  spend: string;
  impressions: number;
  price: number;
  dispersion: number;
};

/** One opportunity: what to do, why, how sure it is, and what became of it. */
export function opportunityPage(web: Web): void {
  page(web, { url: "/opportunities/:id", who: readers }, async (at) => {
    const json = `${opportunities}/${encodeURIComponent(param(at, "id"))}`;
    const found = await get<OpportunityDetails>(web, at.request, json);
    const currency = currencyOf(at.parts, at.viewer.client);
    const subject = subjectText(found);
    return {
      title: `${typeWords[found.type]}, ${found.campaignName ?? `campaign ${found.campaignId}`}`,
      body: (
        <>
          <PageHead
            title={
              <>
                {typeWords[found.type]}
                {subject === null ? null : (
                  <>
                    : <Name of={subject} />
                  </>
                )}
              </>
            }
            lead={
              <>
                In <a href={`/campaigns/${found.campaignId}`}>{found.campaignName ?? `campaign ${found.campaignId}`}</a>
                {found.creativeId === null ? null : (
                  <>
                    , <a href={creativeAddress({ creativeId: found.creativeId, buyerId: null })}>the creative</a>
                  </>
                )}
                . <State of={found} />
              </>
            }
          >
            <a class="button" href="/opportunities">
              All opportunities
            </a>
          </PageHead>
          {found.blockedBy === null ? null : (
            <Notice tone="warning" title="Not recommended">
              {found.blockedBy}
            </Notice>
          )}
          <Figures of={found} json={json} currency={currency} />
          <Brief of={found} canPlan={at.viewer.isKeeper} />
          <Days of={found} json={json} currency={currency} />
          <Evidence of={found} at={at} json={json} currency={currency} />
          {at.viewer.isKeeper ? <Decisions of={found} today={at.today} /> : null}
          <Table
            columns={changeColumns}
            rows={found.changes}
            caption="What became of it, the last first"
            zone={at.zone}
            json={{ url: json, path: "changes" }}
          />
        </>
      ),
    };
  });

  const body = z.object({
    state: z.enum(decidedStates),
    reason: z.string().optional(),
    until: z.string().optional(),
    done_on: z.string().optional(),
    expectedState: z.string().optional(),
  });
  form(web, { url: "/opportunities/:id/state", who: keepers, body }, async (at, given) => {
    const id = param(at, "id");
    // A field that is left empty says nothing.
    const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
    await call(web, at.request, {
      method: "POST",
      url: `${opportunities}/${encodeURIComponent(id)}/state`,
      body: said,
    });
    return `/opportunities/${encodeURIComponent(id)}`;
  });
}

function Figures({ of, json, currency }: { of: OpportunityDetails; json: string; currency: string }) {
  const fact = factsOf(json);
  const money = (amount: string) => moneyText(amount, currency);
  const named = (field: "savingsWeeklyLow" | "targetSpendWeekly") => (
    <Fact of={fact(field, of[field])}>{money(of[field])}</Fact>
  );
  return (
    <div class="cards">
      <Figure label="Saves a week" value={money(of.savingsWeekly)} fact={fact("savingsWeekly", of.savingsWeekly)}>
        at the least {named("savingsWeeklyLow")}
      </Figure>
      <Figure label="CPC now" value={`${of.current} ${currency}`} fact={fact("current", of.current)}>
        {percentOf(1 - of.evidence.ratio)} less than <Fact of={fact("reference", of.reference)}>{of.reference}</Fact> of
        the rest
      </Figure>
      <Figure
        label="Spent a week"
        value={money(of.currentSpendWeekly)}
        fact={fact("currentSpendWeekly", of.currentSpendWeekly)}
      >
        raise it to {named("targetSpendWeekly")}
      </Figure>
      <Figure label="Confidence" value={confidenceText(of.confidence)} fact={fact("confidence", of.confidence)}>
        that it is cheaper; <Count json={json} field="evidence.looks" of={of.evidence.looks} />{" "}
        {of.evidence.looks === 1 ? "night" : "nights"} tested
      </Figure>
    </div>
  );
}

/** To be copied into a mail or a ticket: nothing here changes a budget. What pretargeting can do is planned, as a dry run. */
function Brief({ of, canPlan }: { of: OpportunityDetails; canPlan: boolean }) {
  const lines = [
    of.recommendation,
    `Saves ${of.savingsWeekly} a week, at the least ${of.savingsWeeklyLow}: ${of.basis}.`,
    `From ${of.windowFrom} to ${of.windowTo}; confidence ${confidenceText(of.confidence)}.`,
    of.caution,
  ];
  return (
    <section class="panel" aria-labelledby="brief">
      <h2 id="brief">What to do</h2>
      <p>
        <Name of={of.recommendation} />
      </p>
      <p class="quiet">{of.caution}</p>
      {canPlan ? (
        <form method="post" action="/pretargeting/plan">
          <input type="hidden" name="opportunity" value={of.opportunityId} />
          <button type="submit">Pretargeting plan</button>
        </form>
      ) : null}
      <details>
        <summary>A brief to copy</summary>
        <pre tabIndex={0}>{lines.join("\n")}</pre>
      </details>
    </section>
  );
}

const priceOn = (spend: string, clicks: number) => (clicks === 0 ? null : Number(spend) / clicks);

function Days({ of, json, currency }: { of: OpportunityDetails; json: string; currency: string }) {
  if (of.days.length < 2) return null;
  const text = (value: number) => `${value.toFixed(3)} ${currency}`;
  const name = of.type === "size_gap" ? "This size, in similar campaigns" : "This part";
  return (
    <section class="panel">
      <LineChart
        id="prices"
        finding={<h2>Price per click, day by day</h2>}
        labels={of.days.map(({ date }) => date)}
        labelName="Day"
        series={[
          { name, points: of.days.map((day) => priceOn(day.spend, day.clicks)), text },
          { name: "The rest", points: of.days.map((day) => priceOn(day.restSpend, day.restClicks)), text },
        ]}
        axisText={text}
      />
      <details>
        <summary>Clicks and spend of each day</summary>
        <Table
          columns={dayColumns(currency)}
          rows={of.days}
          caption="Clicks and spend of each day"
          zone="UTC"
          json={{ url: json, path: "days" }}
        />
      </details>
    </section>
  );
}

function dayColumns(currency: string): Column<OpportunityDetails["days"][number]>[] {
  const money = moneyIn<OpportunityDetails["days"][number]>(currency);
  return [
    { name: "date", label: "Day", kind: "day", value: (row) => row.date },
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    money("spend", "Spend", (row) => row.spend),
    { name: "restClicks", label: "Clicks of the rest", kind: "count", value: (row) => row.restClicks },
    money("restSpend", "Spend of the rest", (row) => row.restSpend),
  ];
}

interface EvidenceProps {
  of: OpportunityDetails;
  at: At<unknown>;
  json: string;
  currency: string;
}

function Evidence({ of, at, json, currency }: EvidenceProps) {
  const { own, rest, ratio, ratioBound, shrunk, peers } = of.evidence;
  const fact = factsOf(json);
  const sides: Side[] = [
    {
      side: "own",
      name: peers === null ? "This part" : `This size, in ${peers.length} similar campaigns`,
      ...own,
      price: Number(own.spend) / own.clicks,
    },
    { side: "rest", name: "The rest", ...rest, price: Number(rest.spend) / rest.clicks },
  ];
  return (
    <section class="panel" aria-labelledby="evidence">
      <h2 id="evidence">Why</h2>
      <Table
        columns={sideColumns(currency)}
        rows={sides}
        caption="Both sides, in 28 days"
        zone={at.zone}
        json={{ url: json, path: "evidence", indexOf: ({ side }) => side }}
      />
      <ul>
        <li>
          Its clicks cost {percentOf(ratio)} of the rest's (<Fact of={fact("current", of.current)}>{of.current}</Fact>{" "}
          against <Fact of={fact("reference", of.reference)}>{of.reference}</Fact> {currency}); with 90 % confidence not
          more than {percentOf(ratioBound)}.
        </li>
        {shrunk === null ? null : (
          <li>Drawn towards the rest's price by a prior worth 20 clicks it would be {shrunk.toFixed(4)}.</li>
        )}
        <li>
          How the savings come about: <Name of={of.basis} />.
        </li>
        <li>
          Computed by{" "}
          {of.workflowId === null ? (
            "a search that is no longer kept"
          ) : (
            <WorkflowLink parts={at.parts} workflowId={of.workflowId} runId={of.runId}>
              this workflow
            </WorkflowLink>
          )}
          , from the rows of {of.windowFrom} to {of.windowTo}. The same in SQL:
        </li>
      </ul>
      <pre tabIndex={0}>{of.sql}</pre>
    </section>
  );
}

function sideColumns(currency: string): Column<Side>[] {
  const local = (column: Column<Side>): Column<Side> => ({ ...column, isLocal: true });
  return [
    local({ name: "name", label: "", kind: "text", value: (row) => row.name }),
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    moneyIn<Side>(currency)("spend", "Spend", (row) => row.spend),
    { name: "impressions", label: "Impressions", kind: "count", value: (row) => row.impressions, isExtra: true },
    local({ name: "price", label: "CPC", kind: "ratio", value: (row) => row.price.toFixed(4) }),
    local({
      name: "dispersion",
      label: "Dispersion",
      kind: "ratio",
      value: (row) => row.dispersion.toFixed(2),
      isExtra: true,
    }),
  ];
}

function Decisions({ of, today }: { of: OpportunityDetails; today: string }) {
  return (
    <Decide
      action={`/opportunities/${of.opportunityId}/state`}
      state={of.state}
      today={today}
      simple={[
        ["seen", "Seen"],
        ["planned", "Planned"],
      ]}
      doneNote="What comes of it is measured from that day on."
      dismissNote="It does not come back by itself."
    />
  );
}
