import { withDirectionNamed } from "../../core/direction.ts";
import { escape } from "../../core/escape-html.ts";
import { createHash } from "node:crypto";
import { signedStatement, type SignedStatement, type StatementLine } from "./statement.ts";
import { holdReasons, reasonWords } from "./words.ts";

const style = `
:root{color-scheme:light}
*{box-sizing:border-box}
body{margin:2rem auto;max-width:62rem;padding:0 1.5rem;background:#fff;color:#1c2330;font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{margin:0;font-size:1.7rem;letter-spacing:-.02em}
h2{margin:2rem 0 .5rem;font-size:1.1rem}
p{margin:.3rem 0}
.soft{color:#5b6577}
.owed{display:flex;flex-wrap:wrap;gap:1rem;margin:1.2rem 0}
.owed div{padding:.7rem 1.1rem;border:1px solid #c9cfda;border-radius:8px}
.owed strong{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}
table{width:100%;border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .5rem;border-bottom:1px solid #e3e6ec;text-align:left;vertical-align:top}
th{color:#5b6577;font-weight:600}
.n{text-align:right;white-space:nowrap}
td:first-child{white-space:nowrap}
td:nth-child(2){overflow-wrap:anywhere}
.note{padding:.6rem .9rem;border:1px solid #c9a13b;border-radius:8px}
.seal{overflow-wrap:anywhere;font-size:.8rem}
.seal dt{float:left;clear:left;width:7rem;color:#5b6577}
.seal dd{margin:0 0 .25rem 7rem;font-family:ui-monospace,monospace}
@page{size:A4;margin:14mm 12mm}
@media print{body{margin:0;padding:0;max-width:none;font-size:10pt}thead{display:table-header-group}tr,.owed div{break-inside:avoid}h2{break-after:avoid}}
`;

/** What the server's policy has to allow for the page to have its style. */
export const statementStyleHash = `sha256-${createHash("sha256").update(style).digest("base64")}`;

const say = (text: string) => escape(withDirectionNamed(text));
const grouped = (amount: string) =>
  amount.replace(
    /^(-?)(\d+)/,
    (_, sign: string, units: string) => `${sign === "-" ? "−" : ""}${units.replace(/\B(?=(\d{3})+$)/g, ",")}`,
  );

function table(
  heads: readonly (readonly [label: string, isNumber: boolean])[],
  rows: readonly (readonly string[])[],
): string {
  const of = (index: number) => (heads[index]?.[1] === true ? ' class="n"' : "");
  return [
    "<table><thead><tr>",
    ...heads.map(([label], index) => `<th scope="col"${of(index)}>${label}</th>`),
    "</tr></thead><tbody>\n",
    ...rows.map((row) => `<tr>${row.map((cell, index) => `<td${of(index)}>${cell}</td>`).join("")}</tr>\n`),
    "</tbody></table>\n",
  ].join("");
}

const section = (title: string, body: string) => `<h2>${title}</h2>\n${body}`;

/** A row for each figure and a column for each currency: as wide as a sheet of paper allows. */
function totalsTable({ totals }: SignedStatement): string {
  type Total = SignedStatement["totals"][number];
  const counted = (count: number, amount: string) => `${grouped(amount)} (${count})`;
  const figures: [label: string, text: (total: Total) => string][] = [
    ["Approved, and how many", (total) => counted(total.approved, total.approvedAmount)],
    ["Pending, and how many", (total) => counted(total.pending, total.pendingAmount)],
    ["Not approved, and how many", (total) => counted(total.rejected, total.rejectedAmount)],
    ["Held", (total) => grouped(total.heldAmount)],
    ["Of this month", (total) => grouped(total.newAmount)],
    ["Corrections", (total) => grouped(total.correctionsAmount)],
    ["Parts of a cent carried", (total) => grouped(total.roundingCarried)],
    ["Owed", (total) => `<strong>${grouped(total.owed)}</strong>`],
  ];
  return section(
    "What it comes to",
    table(
      [["", false], ...totals.map(({ currency }) => [say(currency), true] as const)],
      figures.map(([label, text]) => [label, ...totals.map(text)]),
    ),
  );
}

const heads = [
  ["Day", false],
  ["Conversion", false],
  ["Offer", false],
  ["Status", false],
  ["Payout", true],
] as const;
const common = (line: StatementLine) => [
  line.date,
  say(line.key),
  say(line.offer ?? ""),
  say(line.status),
  `${grouped(line.payout)} ${say(line.currency ?? "")}`,
];
const why = ({ reason, detail }: StatementLine) => say(reasonWords(reason) + (detail === null ? "" : `: ${detail}`));

const isHeld = ({ held }: StatementLine) => !/^-?0\.0+$/.test(held);

function holds({ lines }: SignedStatement): string {
  const held = lines.filter(isHeld);
  if (held.length === 0) return "";
  const inOrder = holdReasons.flatMap((reason) => held.filter((line) => line.reason === reason));
  return section(
    "Held, and why",
    table(
      [...heads, ["Held", true], ["Why", false]],
      inOrder.map((line) => [...common(line), grouped(line.held), why(line)]),
    ),
  );
}

function corrections({ lines }: SignedStatement): string {
  const found = lines.filter(({ kind }) => kind === "correction");
  if (found.length === 0) return "";
  return section(
    "Changed since earlier statements",
    table(
      [...heads, ["Stated before", true], ["Now", true], ["Why", false]],
      found.map((line) => [...common(line), grouped(line.stated), grouped(line.amount), why(line)]),
    ),
  );
}

function conversions({ lines }: SignedStatement): string {
  const found = lines.filter(({ kind }) => kind === "conversion");
  return section(
    "Conversions of the month",
    found.length === 0
      ? "<p>None.</p>\n"
      : table(
          [...heads, ["Owed", true], ["Held", true], ["Why", false]],
          found.map((line) => [
            ...common(line),
            grouped(line.amount),
            isHeld(line) ? grouped(line.held) : "",
            why(line),
          ]),
        ),
  );
}

function claims({ lines }: SignedStatement): string {
  const found = lines.filter(({ kind }) => kind === "claim");
  if (found.length === 0) return "";
  return section(
    "Claims",
    table(
      [
        ["Day", false],
        ["Claim", false],
        ["State", false],
        ["", false],
      ],
      found.map((line) => [line.date, say(line.key), say(reasonWords(line.status)), say(line.detail ?? "")]),
    ),
  );
}

/** A page that prints as it is, without anything from elsewhere. What it shows is also in it as JSON: see `readStatementHtml`. */
export function statementHtml(signed: SignedStatement): string {
  const { statement, totals, hash, signature, keyId, publicKey } = signed;
  const title = `Payout statement ${statement.statementId}, ${statement.month}`;
  const notes = [
    ...(statement.origin === "sandbox" ? ["Made up by the sandbox: no money is owed for it."] : []),
    ...(statement.daysNotFinal > 0
      ? [`${statement.daysNotFinal} days of the month were not final when it was closed.`]
      : []),
  ];
  return [
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n',
    `<title>${say(title)}</title>\n<style>${style}</style>\n</head>\n<body>\n<main>\n`,
    `<h1>${say(title)}</h1>\n<p><strong>${say(statement.affiliate)}</strong> <span class="soft">affiliate ${say(statement.affiliateId)}, client ${say(statement.client)}</span></p>\n`,
    `<p class="soft">Closed ${say(statement.closedAt)}. Days are those of America/New_York. A closed statement never changes; what changes later is in a later one.</p>\n`,
    ...notes.map((note) => `<p class="note">${say(note)}</p>\n`),
    '<div class="owed">\n',
    ...totals.map(
      ({ currency, owed }) =>
        `<div>${owed.startsWith("-") ? "Owed by the affiliate" : "Owed"}<strong>${grouped(owed.replace("-", ""))} ${say(currency)}</strong></div>\n`,
    ),
    "</div>\n",
    totalsTable(signed),
    holds(signed),
    corrections(signed),
    conversions(signed),
    claims(signed),
    section(
      "Signature",
      `<dl class="seal"><dt>SHA-256</dt><dd>${say(hash)}</dd><dt>Ed25519</dt><dd>${say(signature)}</dd><dt>Key</dt><dd>${say(keyId)}</dd><dt>Public key</dt><dd>${say(publicKey)}</dd><dt>Before it</dt><dd>${say(statement.previousHash ?? "the first statement")}</dd></dl>\n`,
    ),
    `</main>\n<script type="application/json" id="statement">${JSON.stringify(signed).replaceAll("<", "\\u003c")}</script>\n</body>\n</html>\n`,
  ].join("");
}

const embedded = /<script type="application\/json" id="statement">([\s\S]*?)<\/script>/;

/** The statement that a page holds as JSON; whether the page shows it is seen by writing the page again. */
export function readStatementHtml(file: string): SignedStatement {
  const found = embedded.exec(file)?.[1];
  if (found === undefined) throw new Error("the page has no statement in it");
  return signedStatement.parse(JSON.parse(found));
}
