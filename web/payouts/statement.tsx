import { z } from "zod";
import { findStatement } from "../../queries/payouts/statements.ts";
import { mostLinesOfFile, readStatementFile, statementForms } from "../../queries/payouts/statement-file.ts";
import { ApiError, notFound } from "../../api/server/errors.ts";
import { Badge, Moment, Name, Origin } from "../components/format.tsx";
import { NextPage, Notice, PageHead } from "../components/parts.tsx";
import { Table } from "../components/table.tsx";
import { number } from "../../api/server/shapes.ts";
import { callList } from "../shared/json.ts";
import { get, page, param, type Visit } from "../shared/page.tsx";
import { readers, type At, type Web } from "../shared/web.ts";
import { AccountForm } from "./accounts.tsx";
import { payouts, type Account, type Line, type Owed, type StatementDetails } from "./answers.ts";
import { lineColumns, owedColumns } from "./columns.tsx";

const seen = { who: readers, affiliates: true } as const;
const place = z.string().max(4_000).optional();
const query = { held: place, corrections: place, conversions: place, claims: place };
type Places = typeof query;

/** A closed statement and its files; and one that is not closed, as it would be now. */
export function statementPage(web: Web): void {
  page(web, { url: "/statements/:id", ...seen, query }, async (at) => {
    const json = `${payouts}/statements/${param(at, "id")}`;
    const of = await get<StatementDetails>(web, at.request, json);
    return {
      title: `Payout statement ${of.statementId}`,
      body: (
        <>
          <PageHead title={`Payout statement ${of.statementId}`} lead={<Lead of={of} />}>
            <a class="button" href={`/statements/${of.statementId}/html`}>
              Print
            </a>
            <a class="button" href={`/statements/${of.statementId}/csv`} download>
              CSV
            </a>
            <a class="button" href={`/statements/${of.statementId}/json`} download>
              JSON
            </a>
          </PageHead>
          <ClosedNotice of={of} zone={at.zone} />
          <OwedTable totals={of.totals} json={{ url: json, path: "totals" }} zone={at.zone} />
          <Lines at={at} lines={await readParts(web, at, json)} />
          <Seal of={of} />
        </>
      ),
    };
  });

  for (const form of statementForms)
    page(web, { url: `/statements/:id/${form}`, ...seen }, async (at) => {
      const { client, affiliateId: reconAffiliateId } = at.viewer;
      const { data: statementId } = number.safeParse(param(at, "id"));
      const found =
        statementId === undefined
          ? null
          : await findStatement(at.parts.reading, { client, statementId, reconAffiliateId });
      if (found === null) throw notFound("statement");
      if (found.lines > mostLinesOfFile)
        throw new ApiError("validation_error", `the statement has ${found.lines} lines, more than a file holds`);
      const { text, type, headers } = await readStatementFile(at.parts.reading, found, form);
      return at.reply.headers(headers).type(type).send(text);
    });

  draftPage(web);
}

function draftPage(web: Web): void {
  page(web, { url: "/statements/drafts/:month/:affiliate", who: readers, query }, async (at) => {
    const [of, affiliateId] = [param(at, "month"), param(at, "affiliate")];
    if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(of)) throw notFound("month");
    const json = `${payouts}/drafts/${of}/${affiliateId}`;
    const [{ totals }, { items: accounts }] = await Promise.all([
      get<{ totals: Owed[] }>(web, at.request, json),
      get<{ items: Account[] }>(web, at.request, `${payouts}/accounts`),
    ]);
    const account = accounts.find((one) => encodeURIComponent(one.affiliateId) === affiliateId);
    const name = totals[0]?.affiliate ?? account?.affiliate ?? decodeURIComponent(affiliateId);
    return {
      title: `Draft for ${name}, ${of}`,
      body: (
        <>
          <PageHead
            title={
              <>
                Draft for <Name of={name} />
              </>
            }
            lead={`${of}, as it would be closed now.`}
          >
            <a class="button" href={`/statements?month=${of}`}>
              All of {of}
            </a>
          </PageHead>
          {account === undefined || account.heldFor === null ? null : (
            <Notice tone="warning" title="What is new is held">
              <p>
                <Name of={account.heldFor} />
              </p>
            </Notice>
          )}
          <OwedTable totals={totals} json={{ url: json, path: "totals" }} zone={at.zone} />
          <Lines at={at} lines={await readParts(web, at, json)} />
          {account !== undefined && at.viewer.isKeeper ? (
            <AccountForm of={account} back={`/statements/drafts/${of}/${affiliateId}`} />
          ) : null}
        </>
      ),
    };
  });
}

const Lead = ({ of }: { of: StatementDetails }) => (
  <>
    <Name of={of.affiliate} />, {of.month} <Badge tone="good">closed</Badge> <Origin of={of.origin} />
  </>
);

function ClosedNotice({ of, zone }: { of: StatementDetails; zone: string }) {
  return (
    <Notice tone="note">
      <p>
        Closed <Moment at={new Date(of.closedAt)} zone={zone} />
        {of.closedBy === null ? null : (
          <>
            {" "}
            by <Name of={of.closedBy} />
          </>
        )}
        . It never changes: what restates later is a correction in the next statement.
        {of.daysNotFinal > 0 ? ` ${of.daysNotFinal} days of the month were not final then` : ""}
        {of.forcedReason === null ? (
          of.daysNotFinal > 0 ? (
            "."
          ) : null
        ) : (
          <>
            : <Name of={of.forcedReason} />
          </>
        )}
      </p>
      {of.claims === 0 ? null : (
        <p>
          {of.claims} claims were sent in the month: {of.claimsVerified} verified, {of.claimsDisputed} in dispute.
        </p>
      )}
    </Notice>
  );
}

interface OwedProps {
  totals: readonly Owed[];
  json: { url: string; path: string };
  zone: string;
}

const OwedTable = ({ totals, json, zone }: OwedProps) => (
  <Table
    columns={owedColumns({ isOne: true })}
    rows={totals}
    caption="What it comes to"
    zone={zone}
    json={json}
    empty={<p>No conversion of this month, and none that was corrected.</p>}
    rowKey={({ currency }) => currency ?? ""}
  />
);

const parts = {
  held: { title: "Held, and why", query: { held: "true" }, columns: "conversion" },
  corrections: { title: "Changed since earlier statements", query: { kind: "correction" }, columns: "correction" },
  conversions: { title: "Conversions of the month", query: { kind: "conversion" }, columns: "conversion" },
  claims: { title: "Claims", query: { kind: "claim" }, columns: "claim" },
} as const;
type Part = keyof typeof parts;
const partNames = Object.keys(parts) as Part[];
const rowsOfPart = 50;

type Found = Record<Part, Awaited<ReturnType<typeof callList<Line>>>>;

async function readParts(web: Web, at: Visit<Places>, json: string): Promise<Found> {
  const found = await Promise.all(
    partNames.map(async (name) => {
      const asked = { ...parts[name].query, cursor: at.query[name], limit: rowsOfPart };
      return [name, await callList<Line>(web, at, { path: `${json}/lines`, query: asked })] as const;
    }),
  );
  return Object.fromEntries(found) as Found;
}

function Lines({ at, lines }: { at: At<unknown>; lines: Found }) {
  return (
    <>
      {partNames
        .filter((name) => lines[name].items.length > 0 || at.url.searchParams.has(name))
        .map((name) => (
          <section key={name} class="stacked" aria-labelledby={name}>
            <h2 id={name}>{parts[name].title}</h2>
            <Table
              columns={lineColumns(parts[name].columns, at.viewer.affiliateId === null)}
              rows={lines[name].items}
              caption={parts[name].title}
              zone={at.zone}
              json={{ url: lines[name].url, path: "items" }}
              rowKey={({ key, currency }) => `${key}/${currency ?? ""}`}
            />
            <NextPage url={at.url} next={lines[name].next} name={name} />
          </section>
        ))}
    </>
  );
}

function Seal({ of }: { of: StatementDetails }) {
  return (
    <section class="panel" aria-labelledby="seal">
      <h2 id="seal">Signature</h2>
      <p>
        The files of this statement can be checked without Signal Room's database:{" "}
        <code>npm run statement -- verify FILE</code>
      </p>
      <dl class="facts">
        <dt>SHA-256 of the content</dt>
        <dd>
          <code class="long">{of.hash}</code>
        </dd>
        <dt>Ed25519 signature</dt>
        <dd>
          <code class="long">{of.signature}</code>
        </dd>
        <dt>Key</dt>
        <dd>
          <code>{of.keyId}</code>, <a href={`${payouts}/public-key`}>public key</a>
        </dd>
        <dt>Statement before it</dt>
        <dd>{of.previousHash === null ? "none: it is the first" : <code class="long">{of.previousHash}</code>}</dd>
      </dl>
    </section>
  );
}
