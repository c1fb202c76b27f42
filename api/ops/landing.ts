import type { Health, Reach } from "./health.ts";

/** The front door for people: what runs here, whether it is well, and where to go. Nothing is loaded from elsewhere. */
export function landingPage(health: Health, links: { temporalUi: string | null }): string {
  const doors: [string, string, string][] = [
    ["/docs", "API reference", "every route, to read and to try"],
    ...(links.temporalUi === null
      ? []
      : ([[links.temporalUi, "Temporal", "runs, schedules and slices as they happen"]] as [string, string, string][])),
    ["/readyz", "Readiness", "the state above, for programs"],
    ["/metrics", "Metrics", "freshness, rows, waiting and failures, for Prometheus"],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Signal Room</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Signal Room</h1>
<p class="lead">What was spent, what it earned and whom to believe.</p>
<ul class="state">
${reachLine("Postgres", health.postgres)}
${reachLine("Temporal", health.temporal)}
${stateLine("Sources", sourcesState(health), sourcesText(health))}
${stateLine("Alerts", alertsState(health), alertsText(health))}
</ul>
<nav>
${doors.map(([href, name, what]) => `<a href="${escape(href)}"><strong>${escape(name)}</strong><span>${escape(what)}</span></a>`).join("\n")}
</nav>
<footer>Calls under <code>/api/v1</code> take a token: <code>npm run token</code></footer>
</main>
</body>
</html>
`;
}

function reachLine(name: string, { reachable, latencyMs }: Reach): string {
  return stateLine(name, reachable ? "good" : "bad", reachable ? `answers in ${latencyMs} ms` : "does not answer");
}

type State = "good" | "warning" | "bad" | "unknown";

function stateLine(name: string, state: State, text: string): string {
  return `<li class="${state}"><b>${escape(name)}</b> <span>${escape(text)}</span></li>`;
}

function sourcesState({ late, failing }: Health): State {
  if (late === null || failing === null) return "unknown";
  return late.length + failing.length === 0 ? "good" : "bad";
}

/** A source that fails is named for that, whether or not it is late already. */
function sourcesText({ late, failing }: Health): string {
  if (late === null || failing === null) return "unknown while Postgres is away";
  const name = ({ source, client }: { source: string; client: string }) => `${source} (${client})`;
  const named = (what: string, of: readonly { source: string; client: string }[]) =>
    of.length === 0 ? [] : [`${what}: ${of.map(name).join(", ")}`];
  const failed = new Set(failing.map(name));
  const said = [
    ...named(
      "key refused",
      failing.filter(({ key }) => key),
    ),
    ...named(
      "failed",
      failing.filter(({ key }) => !key),
    ),
    ...named(
      "late",
      late.filter((one) => !failed.has(name(one))),
    ),
  ];
  return said.length === 0 ? "all read when they should be" : said.join("; ");
}

/** A warning asks to be read today, a critical alert now. */
function alertsState({ alerts }: Health): State {
  if (alerts === null) return "unknown";
  return alerts.critical > 0 ? "bad" : alerts.warning > 0 ? "warning" : "good";
}

function alertsText({ alerts }: Health): string {
  if (alerts === null) return "unknown while Postgres is away";
  const open = Object.entries(alerts).filter(([, count]) => count > 0);
  return open.length === 0
    ? "none open"
    : `open: ${open.map(([severity, count]) => `${count} ${severity}`).join(", ")}`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const style = `
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6577;--paper:#f6f7f9;--card:#fff;--line:#e1e5eb;--good:#1a7f4b;--warning:#b87a00;--bad:#c2341d;--accent:#2450c4}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf1;--soft:#9aa5b8;--paper:#12151b;--card:#1a1f28;--line:#2b323f;--good:#4cc38a;--warning:#e5b454;--bad:#ff7a62;--accent:#8eaeff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:40rem;margin:0 auto;padding:12vh 1.5rem 3rem}
h1{margin:0;font-size:2.1rem;letter-spacing:-.02em}
.lead{margin:.3rem 0 2rem;color:var(--soft)}
.state{list-style:none;margin:0 0 1.5rem;padding:.4rem 1.2rem;background:var(--card);border:1px solid var(--line);border-radius:12px}
.state li{display:flex;gap:.8rem;align-items:baseline;padding:.55rem 0}
.state li+li{border-top:1px solid var(--line)}
.state li::before{content:"";flex:none;width:.6rem;height:.6rem;border-radius:50%;background:var(--soft)}
.state .good::before{background:var(--good)}
.state .warning::before{background:var(--warning)}
.state .bad::before{background:var(--bad)}
.state b{width:5.5rem;flex:none;font-weight:600}
.state span{color:var(--soft);overflow-wrap:anywhere}
nav{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr))}
nav a{display:block;padding:.9rem 1.2rem;background:var(--card);border:1px solid var(--line);border-radius:12px;text-decoration:none;color:inherit}
nav a:hover,nav a:focus-visible{border-color:var(--accent);outline:none}
nav strong{display:block;color:var(--accent)}
nav span,footer{color:var(--soft);font-size:.9rem}
footer{margin-top:2rem}
code{font:.85em ui-monospace,SFMono-Regular,Menlo,monospace}
`;
