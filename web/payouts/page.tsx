import { z } from "zod";
import { nextMonth } from "../../rules/payouts/months.ts";
import { readMonths, readOwed, accountOf } from "../../queries/payouts/statements.ts";
import { Badge, Moment, moneyText, Name } from "../components/format.tsx";
import { Count, Empty, ExportLink, Fact, factsOf, Figure, Notice, PageHead } from "../components/parts.tsx";
import { Table } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import { call, download, form, get, page, param, type Visit } from "../shared/page.tsx";
import { keepers, readers, type Web } from "../shared/web.ts";
import { payouts, type OwedList, type PayoutMonth } from "./answers.ts";
import { owedColumns } from "./columns.tsx";
import { accountPages } from "./accounts.tsx";
import { statementPage } from "./statement.tsx";

const month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/);
const query = { month: month.optional() };
const seen = { who: readers, affiliates: true } as const;

/** What affiliates are owed, month by month. An affiliate sees their own closed statements. */
export function payoutPages(web: Web): void {
  page(web, { url: "/statements", ...seen, query }, (at) =>
    at.viewer.affiliateId === null ? staffPage(web, at) : ownPage(web, at),
  );

  download(web, { url: "/statements.csv", ...seen, query }, async ({ parts, viewer, query: asked }) => {
    const { client, affiliateId } = viewer;
    const own = affiliateId === null ? null : await accountOf(parts.reading, client, affiliateId);
    const [shown] = affiliateId === null ? chosen(await readMonths(parts.reading, client), asked.month) : [];
    const rows =
      affiliateId !== null && own === null
        ? []
        : await readOwed(parts.reading, { client, month: shown?.month ?? null, affiliateId: own });
    return {
      name: `statements-${shown?.month ?? "all"}.csv`,
      text: toCsv(owedColumns({ isOwn: affiliateId !== null }), rows),
    };
  });

  const closing = z.object({
    reason: z.string().trim().min(1).max(2_000).optional(),
    startHere: z.literal("on").optional(),
  });
  form(web, { url: "/statements/months/:month/close", who: keepers, body: closing }, async (at, body) => {
    const of = param(at, "month");
    await call(web, at.request, {
      method: "POST",
      url: `${payouts}/months/${of}/close`,
      body: { ...(body.reason === undefined ? {} : { reason: body.reason }), startHere: body.startHere === "on" },
    });
    return `/statements?month=${of}`;
  });

  accountPages(web);
  statementPage(web);
}

/** The month that was asked for; else the one that is to be closed next, or the last. */
function chosen<Month extends { month: string; isNext: boolean }>(months: readonly Month[], asked: string | undefined) {
  const found = months.find(({ month: one }) => one === asked);
  return asked === undefined ? [months.find(({ isNext }) => isNext) ?? months[0]] : [found];
}

async function staffPage(web: Web, at: Visit<typeof query>) {
  const { items: months } = await get<{ items: PayoutMonth[] }>(web, at.request, `${payouts}/months`);
  const [shown] = chosen(months, at.query.month);
  const json = `${payouts}/statements?month=${shown?.month ?? at.query.month ?? ""}`;
  const { items, totals } =
    shown === undefined ? { items: [], totals: [] } : await get<OwedList>(web, at.request, json);
  return {
    title: "Payout statements",
    body: (
      <>
        <PageHead
          title="Payout statements"
          lead="What each affiliate is owed, what is held and why, and what has changed since."
        >
          <a class="button" href="/statements/affiliates">
            Affiliates
          </a>
          <ExportLink url={at.url} />
        </PageHead>
        {shown === undefined ? (
          <Empty title={months.length === 0 ? "No conversions yet" : "Nothing is known of this month"}>
            {months.length === 0 ? (
              <>
                Statements are made of Everflow's conversions: <a href="/freshness">see which days are there</a>.
              </>
            ) : (
              <a href="/statements">The months that there are</a>
            )}
          </Empty>
        ) : (
          <>
            <Months months={months} shown={shown.month} />
            <MonthState of={shown} zone={at.zone} isKeeper={at.viewer.isKeeper} today={at.today} />
            <Totals totals={totals} json={json} />
            <Table
              columns={owedColumns()}
              rows={items}
              caption={`Statements of ${shown.month}`}
              zone={at.zone}
              json={{ url: json, path: "items" }}
              rowKey={({ affiliateId, currency }) => `${affiliateId}/${currency ?? ""}`}
              empty={<Empty title="No affiliate has anything in this month">Choose another month above.</Empty>}
            />
            <p class="quiet">
              Owed: approved and not held, plus corrections of earlier months. The same in SQL:{" "}
              <code>select * from payouts.owed</code>
            </p>
          </>
        )}
      </>
    ),
  };
}

function Months({ months, shown }: { months: readonly PayoutMonth[]; shown: string }) {
  return (
    <nav class="period" aria-label="Months">
      {months.slice(0, 18).map(({ month: one, state }) => (
        <a key={one} href={`/statements?month=${one}`} aria-current={one === shown ? "true" : undefined}>
          {one} {state === "closed" ? <Badge tone="quiet">closed</Badge> : null}
        </a>
      ))}
    </nav>
  );
}

function MonthState({
  of,
  zone,
  isKeeper,
  today,
}: {
  of: PayoutMonth;
  zone: string;
  isKeeper: boolean;
  today: string;
}) {
  if (of.state === "closed")
    return (
      <Notice tone="good" title={`${of.month} is closed`}>
        <p>
          Closed by <Name of={of.closedBy} />{" "}
          {of.closedAt === null ? null : <Moment at={new Date(of.closedAt)} zone={zone} />}. What restates later is a
          correction in the next statement.
        </p>
        {of.forcedReason === null ? null : (
          <p>
            {of.daysNotFinal} days were not final: <Name of={of.forcedReason} />
          </p>
        )}
      </Notice>
    );
  const isOver = `${nextMonth(of.month)}-01` <= today;
  return (
    <Notice tone={of.daysNotFinal > 0 ? "warning" : "note"} title={`${of.month} is open: these are drafts`}>
      <p>
        {of.daysNotFinal === 0
          ? "All of its days are final."
          : `${of.daysNotFinal} of its days are not final, and what they have is held.`}
        {!isOver ? " It can be closed when it is over." : of.isNext ? "" : " Earlier months have to be closed first."}
      </p>
      {isKeeper && isOver && of.isNext ? (
        <form class="row" method="post" action={`/statements/months/${of.month}/close`}>
          {of.daysNotFinal === 0 ? null : (
            <label>
              Why close it now <input name="reason" required maxLength={2_000} />
            </label>
          )}
          <button type="submit">Close {of.month}</button>
        </form>
      ) : null}
    </Notice>
  );
}

/** What all of them come to, per currency. */
function Totals({ totals, json }: { totals: OwedList["totals"]; json: string }) {
  const fact = factsOf(json);
  return (
    <div class="cards">
      {totals.map((of, index) => {
        const { currency, affiliates, owed } = of;
        const amount = (field: "heldAmount" | "correctionsAmount") => (
          <Fact of={fact(`totals.${index}.${field}`, of[field])}>{moneyText(of[field], currency)}</Fact>
        );
        return (
          <Figure
            key={currency}
            label={`Owed in ${currency}`}
            value={moneyText(owed, currency)}
            fact={fact(`totals.${index}.owed`, owed)}
          >
            <Count json={json} field={`totals.${index}.affiliates`} of={affiliates} />{" "}
            {affiliates === 1 ? "affiliate" : "affiliates"}, {amount("heldAmount")} held, {amount("correctionsAmount")}{" "}
            of corrections
          </Figure>
        );
      })}
    </div>
  );
}

async function ownPage(web: Web, at: Visit<typeof query>) {
  const json = `${payouts}/statements`;
  const { items } = await get<OwedList>(web, at.request, json);
  return {
    title: "Your statements",
    body: (
      <>
        <PageHead
          title="Your statements"
          lead="One for each month that is closed. What changes later is in the next one."
        >
          <ExportLink url={at.url} />
        </PageHead>
        <Table
          columns={owedColumns({ isOwn: true })}
          rows={items}
          caption="Your statements"
          zone={at.zone}
          json={{ url: json, path: "items" }}
          rowKey={({ month: of, currency }) => `${of}/${currency ?? ""}`}
          empty={<Empty title="No statement yet">The first one is here when its month is closed.</Empty>}
        />
      </>
    ),
  };
}
