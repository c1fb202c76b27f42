import { daysFromTo } from "../../core/days.ts";
import type { CpaAffiliate, CpaTotal } from "../../queries/cost/cpa.ts";
import { count, instant } from "../shared/printing.ts";
import { cpaBars, dayChart, type ChartDay } from "./charts.ts";
import { amount, escape, shortDay, whole } from "./markup.ts";
import { pageStyle } from "./page-style.ts";
import { caveats, type CpaReport } from "./cpa-report.ts";

const mostBars = 14;

/** The report as one file that needs nothing else: no script, no font, no request. */
export function reportPage(report: CpaReport): string {
  const { client, from, to, readAt, totals } = report;
  const title = `Cost per acquisition, ${shortDay(from, true)} to ${shortDay(to, true)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(title)} · client ${escape(client)}</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
<header>
<p class="kicker">Signal Room · client ${escape(client)}</p>
<h1>Cost per acquisition</h1>
<p class="lead">${shortDay(from, true)} – ${shortDay(to, true)} · ${count(daysFromTo(from, to).length, "day")} of America/New_York</p>
</header>
${reliabilityNote(report)}
${totals.length === 0 ? '<section class="card empty"><p>Nothing is stored for these days.</p></section>' : totals.map((total) => currencySection(report, total)).join("\n")}
${unmatched(report)}
<footer>Internal affiliates cost what Redtrack says was spent, external ones what Everflow pays. CPA is cost divided by conversions; amounts of different currencies are never added. Read ${escape(instant(readAt))}.</footer>
</main>
</body>
</html>
`;
}

function reliabilityNote(report: CpaReport): string {
  const warnings = caveats(report);
  if (warnings.length === 0)
    return '<p class="note good"><b>Final.</b> Every day of both sources was read after it had ended.</p>';
  const madeUp = report.reliability.some(({ sandbox }) => sandbox.length > 0);
  const serious = report.reliability.some((source) => source.missing.length + source.failed.length > 0);
  const said = serious
    ? "<b>Incomplete.</b> Some of these days were not read whole."
    : report.reliability.some(({ provisional }) => provisional.length > 0) || report.counted === null
      ? "<b>Provisional.</b> Some of these days can still change."
      : "";
  return `<div class="note ${serious ? "bad" : "open"}">${madeUp ? "<b>Sandbox.</b> Figures marked so are made up by mock servers, and are never joined with real ones. " : ""}${said}<ul>${warnings.map((warning) => `<li>${escape(warning)}</li>`).join("")}</ul></div>`;
}

function currencySection(report: CpaReport, total: CpaTotal): string {
  const { currency } = total;
  const madeUp = total.origin === "sandbox";
  const rows = report.affiliates.filter((row) => row.currency === currency && (row.origin === "sandbox") === madeUp);
  if (rows.length === 0) return "";
  const days = chartDays(report, total);
  const heading =
    report.totals.length > 1 || madeUp
      ? `<h2 class="currency">${escape(currency)}${madeUp ? " · sandbox" : ""}</h2>`
      : "";
  return `<section>${heading}
${headline(total)}
<div class="card"><h3>Revenue and cost per day</h3><p class="legend"><span class="key revenue">Revenue</span><span class="key cost">Cost that counts</span>${days.some((day) => day.provisional) ? '<span class="key provisional">not final yet</span>' : ""}</p>${dayChart(days, currency)}</div>
${bars(rows, total)}
${affiliateTable(rows, total)}
</section>`;
}

function headline(total: CpaTotal): string {
  const { currency } = total;
  const tile = (name: string, value: string, small = "", kind = "") =>
    `<div class="tile${kind === "" ? "" : ` ${kind}`}"><dt>${name}</dt><dd>${escape(value)}</dd>${small === "" ? "" : `<small>${escape(small)}</small>`}</div>`;
  const left = total.acrossCurrencies
    ? "spend and results in several currencies"
    : total.conversionsWithoutCost === 0
      ? ""
      : `without ${whole(total.conversionsWithoutCost)} of unknown cost`;
  return `<dl class="tiles">${[
    tile("CPA", amount(total.cpa, currency), left, "lead"),
    tile(
      "Conversions",
      whole(total.efConversions),
      total.efClicks === null ? "" : `of ${whole(total.efClicks)} clicks`,
    ),
    tile(
      "Cost",
      amount(total.finalCost, currency),
      total.unmappedSpend === "0.00" ? "" : `+ ${amount(total.unmappedSpend, currency)} unmatched`,
    ),
    tile("Revenue", amount(total.revenue, currency)),
    tile("Margin", amount(total.margin, currency), "", total.margin?.startsWith("-") === true ? "loss" : ""),
    tile("ROAS", total.roas === null ? "–" : `${total.roas}×`),
  ].join("")}</dl>`;
}

function chartDays({ from, to, days, reliability }: CpaReport, { currency, origin }: CpaTotal): ChartDay[] {
  const open = new Set(reliability.flatMap((source) => [...source.provisional, ...source.failed, ...source.missing]));
  const isMissing = (day: string, prefix = "") =>
    reliability.some(({ source, missing }) => source.startsWith(prefix) && missing.includes(day));
  return daysFromTo(from, to).map((day) => {
    const found = days.find(
      (one) => one.date === day && one.currency === currency && one.isSandbox === (origin === "sandbox"),
    );
    // A day that a source has not read has no cost of zero: it is a gap. Revenue is Everflow's alone.
    const hasResults = !isMissing(day, "everflow.");
    return {
      day,
      cost: isMissing(day) ? null : (found?.finalCost ?? null),
      revenue: hasResults ? (found?.revenue ?? null) : null,
      conversions: hasResults ? (found?.conversions ?? null) : null,
      provisional: open.has(day),
    };
  });
}

function bars(rows: readonly CpaAffiliate[], total: CpaTotal): string {
  const priced = rows
    .flatMap((row) =>
      row.cpa === null
        ? []
        : [{ name: row.affiliate, cpa: row.cpa, conversions: row.efConversions, basis: row.costBasis }],
    )
    .sort((one, other) => Number(other.cpa) - Number(one.cpa));
  if (priced.length === 0) return "";
  const more = priced.length - mostBars;
  return `<div class="card"><h3>CPA by affiliate</h3><p class="legend"><span class="key spend">internal, by spend</span><span class="key payout">external, by payout</span></p>${cpaBars(priced.slice(0, mostBars), total.cpa, total.currency)}${more > 0 ? `<p class="soft">and ${whole(more)} more, cheaper ones, in the table</p>` : ""}</div>`;
}

function affiliateTable(rows: readonly CpaAffiliate[], total: CpaTotal): string {
  const { currency } = total;
  const cells = (row: CpaAffiliate | CpaTotal) =>
    [
      whole(row.efClicks),
      whole(row.efConversions),
      amount(row.efPayout, currency),
      amount(row.rtSpend, currency),
      whole(row.rtClicks),
      amount(row.finalCost, currency),
      amount(row.cpa, currency),
      amount(row.revenue, currency),
      amount(row.margin, currency),
      row.roas === null ? "–" : `${row.roas}×`,
    ]
      .map(
        (text, place) =>
          `<td class="number${place === 5 || place === 6 ? " strong" : ""}${text.startsWith("−") ? " loss" : ""}">${escape(text)}</td>`,
      )
      .join("");
  const headings = ["Clicks", "Conv.", "Payout", "Spend", "Clicks", "Final cost", "CPA", "Revenue", "Margin", "ROAS"];
  return `<div class="card wide"><h3>Affiliates</h3><div class="scroll"><table>
<thead><tr class="sides"><th></th><th></th><th colspan="3">Everflow</th><th colspan="2">Redtrack</th><th colspan="5"></th></tr>
<tr><th scope="col">Affiliate</th><th scope="col">Counts</th>${headings.map((name) => `<th scope="col" class="number">${name}</th>`).join("")}</tr></thead>
<tbody>
${rows
  .map(
    (row) =>
      `<tr><th scope="row">${escape(row.affiliate)}${row.note === null ? "" : `<small>${escape(row.note)}</small>`}</th><td><span class="chip ${row.costBasis}">${row.costBasis}</span></td>${cells(row)}</tr>`,
  )
  .join("\n")}
</tbody>
<tfoot><tr><th scope="row">Total ${total.origin === "sandbox" ? "sandbox " : ""}${escape(currency)}</th><td></td>${cells(total)}</tr></tfoot>
</table></div></div>`;
}

function unmatched({ unmapped, totals }: CpaReport): string {
  if (unmapped.length === 0) return "";
  const sums = totals
    .filter((total) => total.unmappedSpend !== "0.00")
    .map((total) => amount(total.unmappedSpend, total.currency));
  return `<section class="card wide"><h3>Spend without an affiliate</h3><p class="soft">${escape(sums.join(" and "))} of ${count(unmapped.length, "Redtrack source")} ${unmapped.length === 1 ? "belongs" : "belong"} to no affiliate, and ${unmapped.length === 1 ? "is" : "are"} in no figure above. Name ${unmapped.length === 1 ? "it" : "them"} in <code>internal-affiliates.csv</code>.</p><div class="scroll"><table>
<thead><tr><th scope="col">Source</th><th scope="col">Id</th><th scope="col">Days</th><th scope="col" class="number">Clicks</th><th scope="col" class="number">Spend</th></tr></thead>
<tbody>
${unmapped
  .map(
    (row) =>
      `<tr><th scope="row">${escape(row.sourceName ?? "–")}</th><td><code>${escape(row.sourceId)}</code></td><td>${row.firstDay === row.lastDay ? shortDay(row.firstDay) : `${shortDay(row.firstDay)} – ${shortDay(row.lastDay)}`}</td><td class="number">${whole(row.clicks)}</td><td class="number strong">${escape(amount(row.cost, row.currency))}</td></tr>`,
  )
  .join("\n")}
</tbody></table></div></section>`;
}
