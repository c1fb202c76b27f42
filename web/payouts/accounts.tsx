import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import { Moment, Name, None } from "../components/format.tsx";
import { Empty, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { call, form, get, page, param } from "../shared/page.tsx";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import { payouts, type Account, type Owed, type OwedList, type PayoutMonth } from "./answers.ts";
import { owedColumns } from "./columns.tsx";

const holdWords = {
  automatic: "by the rules",
  all: "everything new is held",
  none: "claims and trust hold nothing",
};

const columns: readonly Column<Account>[] = [
  {
    name: "affiliate",
    label: "Affiliate in Everflow",
    kind: "text",
    value: (row) => row.affiliate,
    show: (row) => (
      <a href={`/statements/affiliates/${encodeURIComponent(row.affiliateId)}`}>
        <Name of={row.affiliate ?? row.affiliateId} />
      </a>
    ),
  },
  {
    name: "reconAffiliate",
    label: "In reconciliation",
    kind: "text",
    value: (row) => row.reconAffiliate,
    why: () => "not linked: their claims hold nothing, and they see no statement",
  },
  { name: "hold", label: "Holding", kind: "text", value: (row) => row.hold, show: (row) => holdWords[row.hold] },
  { name: "heldFor", label: "Held now", kind: "text", value: (row) => row.heldFor, isLong: true },
  { name: "setBy", label: "Set by", kind: "text", value: (row) => row.setBy, isExtra: true },
];

/** Who Everflow's affiliates are in reconciliation, and what of theirs is held. */
export function accountPages(web: Web): void {
  accountList(web);
  accountPage(web);
}

const json = `${payouts}/accounts`;

function accountList(web: Web): void {
  page(web, { url: "/statements/affiliates", who: readers }, async (at) => {
    const { items } = await get<{ items: Account[] }>(web, at.request, json);
    return {
      title: "Affiliates' accounts",
      body: (
        <>
          <PageHead
            title="Affiliates' accounts"
            lead="Who an affiliate of Everflow is in reconciliation: whose claims hold money back, and who reads the statements."
          >
            <a class="button" href="/statements">
              Statements
            </a>
          </PageHead>
          <Table
            columns={columns}
            rows={items}
            caption="Affiliates' accounts"
            zone={at.zone}
            json={{ url: json, path: "items" }}
            rowKey={({ affiliateId }) => affiliateId}
            empty={<Empty title="No affiliate yet">They are here when Everflow's statistics are fetched.</Empty>}
          />
        </>
      ),
    };
  });
}

interface OfAccount {
  open: { month: string; json: string; totals: Owed[] } | null;
  closed: { json: string; items: Owed[] };
}

/** The statement of the month that is closed next, as it stands, and those that are closed. */
async function readStatements(web: Web, at: At<unknown>, affiliateId: string): Promise<OfAccount> {
  const json = `${payouts}/statements?affiliateId=${affiliateId}`;
  const [{ items: months }, { items }] = await Promise.all([
    get<{ items: PayoutMonth[] }>(web, at.request, `${payouts}/months`),
    get<OwedList>(web, at.request, json),
  ]);
  const next = months.find(({ isNext }) => isNext);
  const closed = { json, items };
  if (next === undefined) return { open: null, closed };
  const draft = `${payouts}/drafts/${next.month}/${affiliateId}`;
  const { totals } = await get<{ totals: Owed[] }>(web, at.request, draft);
  return { open: { month: next.month, json: draft, totals }, closed };
}

function Statements({ at, open, closed }: OfAccount & { at: At<unknown> }) {
  return (
    <section aria-label="Statements">
      <h2>Statements</h2>
      {open === null || open.totals.length === 0 ? null : (
        <>
          <h3>{open.month}, as it would be closed now</h3>
          <Table
            columns={owedColumns({ isOwn: true })}
            rows={open.totals}
            caption={`Draft of ${open.month}`}
            zone={at.zone}
            json={{ url: open.json, path: "totals" }}
          />
        </>
      )}
      <h3>Closed</h3>
      <Table
        columns={owedColumns({ isOwn: true })}
        rows={closed.items}
        caption="Closed statements, the newest first"
        zone={at.zone}
        json={{ url: closed.json, path: "items" }}
        empty={
          <Empty title="None of this affiliate's months is closed yet">Close a month on the page of statements.</Empty>
        }
      />
    </section>
  );
}

function accountPage(web: Web): void {
  page(web, { url: "/statements/affiliates/:id", who: readers }, async (at) => {
    const { items } = await get<{ items: Account[] }>(web, at.request, json);
    const of = items.find(({ affiliateId }) => encodeURIComponent(affiliateId) === param(at, "id"));
    if (of === undefined)
      return { title: "No such affiliate", status: 404, body: <PageHead title="No such affiliate" /> };
    return {
      title: of.affiliate ?? of.affiliateId,
      body: (
        <>
          <PageHead
            title={<Name of={of.affiliate ?? of.affiliateId} />}
            lead={`Everflow's affiliate ${of.affiliateId}`}
          >
            <a class="button" href="/statements/affiliates">
              All affiliates
            </a>
          </PageHead>
          <dl class="facts">
            <dt>In reconciliation</dt>
            <dd>
              {of.reconAffiliateId === null ? (
                <None why="not linked" />
              ) : (
                <a href={`/reconciliation/affiliates/${of.reconAffiliateId}`}>
                  <Name of={of.reconAffiliate} />
                </a>
              )}
            </dd>
            <dt>Holding</dt>
            <dd>{holdWords[of.hold]}</dd>
            <dt>Held now</dt>
            <dd>{of.heldFor === null ? "nothing" : <Name of={of.heldFor} />}</dd>
            <dt>Set</dt>
            <dd>
              {of.setAt === null ? (
                <None why="nothing was set" />
              ) : (
                <>
                  <Moment at={new Date(of.setAt)} zone={at.zone} /> by <Name of={of.setBy} />
                </>
              )}
            </dd>
          </dl>
          <Statements at={at} {...await readStatements(web, at, param(at, "id"))} />
          {at.viewer.isKeeper ? <AccountForm of={of} back={`/statements/affiliates/${param(at, "id")}`} /> : null}
        </>
      ),
    };
  });

  const body = z.object({
    recon: wholeNumber().optional(),
    hold: z.enum(["automatic", "all", "none"]),
    reason: z.string().trim().max(2_000).optional(),
    back: z.string().regex(/^\/statements\/[\w%.~/-]*$/),
  });
  form(web, { url: "/statements/affiliates/:id", who: keepers, body }, async (at, { recon, hold, reason, back }) => {
    await call(web, at.request, {
      method: "PUT",
      url: `${json}/${param(at, "id")}`,
      body: { reconAffiliateId: recon ?? null, hold, reason: reason ?? null },
    });
    return back;
  });
}

/** Says who an affiliate is, and whether what is new is held. */
export function AccountForm({ of, back }: { of: Account; back: string }) {
  return (
    <section class="panel" aria-labelledby="account">
      <h2 id="account">Account</h2>
      <form class="row" method="post" action={`/statements/affiliates/${encodeURIComponent(of.affiliateId)}`}>
        <input type="hidden" name="back" value={back} />
        <label>
          Number in <a href="/reconciliation/affiliates">reconciliation</a>{" "}
          <input name="recon" inputMode="numeric" pattern="[0-9]*" value={of.reconAffiliateId ?? ""} />
        </label>
        <label>
          Holding{" "}
          <select name="hold">
            {Object.entries(holdWords).map(([value, words]) => (
              <option key={value} value={value} selected={value === of.hold}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <label>
          Why <input name="reason" maxLength={2_000} value={of.reason ?? ""} />
        </label>
        <button type="submit">Save</button>
      </form>
    </section>
  );
}
