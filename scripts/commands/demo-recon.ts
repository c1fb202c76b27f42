import { createPrivateKey, randomBytes, sign } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { reportWorkflowId } from "../../rules/recon/workflow-ids.ts";
import {
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  work,
  type CommandContext,
} from "../shared/command-line.ts";
import { demoAffiliates, demoCampaigns, demoClaims, demoPost, type DemoClaim } from "../demo/claims.ts";
import { findStack, makeAffiliate, type Affiliate, type DemoStack, type Report } from "../demo/stack.ts";
import { table } from "../shared/printing.ts";

const command = defineCommand(
  "demo-recon",
  "Shows affiliate reconciliation on a running local stack: an honest, a sloppy and a fraudulent affiliate submit numbers for their posts. Claims are compared with the mock platforms, and verdicts, trust scores and alerts are printed. Needs `npm start`. Running it again adds new posts.",
  ["npm run demo:recon", "npm run demo:recon -- --json"],
).option(...clientOption);

const patienceMs = 180_000;
const lookEveryMs = 300;

interface Alert {
  kind: string;
  severity: string;
  subject: string;
  message: string;
}
interface Submitted {
  claim: DemoClaim;
  affiliate: Affiliate;
  reportId: string;
}

command.action(
  work(z.object({ client: z.string().optional() }), async (context, { client: named }) => {
    const client = context.client(named);
    const stack = await findStack(context, client);
    const run = Date.now().toString(36);
    context.progress.show("campaigns and affiliates");
    const campaigns = new Map<string, string>();
    for (const name of demoCampaigns) {
      const platforms = ["instagram", "meta", "reddit"];
      const body = { name, advertiserId: "demo-advertiser", platforms, origin: "sandbox" };
      campaigns.set(name, (await stack.api<{ campaignId: string }>("POST", "/recon/campaigns", { body })).campaignId);
    }
    const affiliates = new Map<string, Affiliate>();
    for (const wanted of demoAffiliates) affiliates.set(wanted.name, await makeAffiliate(stack, wanted));

    context.progress.show("what is true of each post");
    const posts = demoClaims.map((claim) => demoPost(claim, { client, run }));
    await stack.sandbox(
      "POST",
      "/posts",
      posts.flatMap(({ truth }) => (truth === null ? [] : [truth])),
    );

    const submitted: Submitted[] = [];
    for (const [index, claim] of demoClaims.entries()) {
      context.progress.show(`submission ${index + 1} of ${demoClaims.length}`);
      const affiliate = affiliates.get(claim.by);
      const campaignId = campaigns.get(claim.campaign);
      const url = posts[index]?.url;
      if (affiliate === undefined || campaignId === undefined || url === undefined)
        throw new Error("the demo is at odds with itself");
      const reportId =
        claim.over === "discord"
          ? await submitOverDiscord(context, stack, { claim, affiliate, campaignId, url })
          : (
              await stack.api<{ reportId: string }>("POST", "/recon/affiliates/submissions", {
                key: affiliate.key,
                body: { campaignId, url, claimed: claim.claimed, evidence: { demo: run, note: claim.what } },
              })
            ).reportId;
      submitted.push({ claim, affiliate, reportId });
    }

    const reports = await settled(context, stack, submitted);
    const alerts = (await stack.api<{ items: Alert[] }>("GET", "/recon/alerts?state=open&limit=500")).items;
    const now = new Map<string, Affiliate>();
    for (const { affiliateId } of affiliates.values())
      now.set(affiliateId, await stack.api<Affiliate>("GET", `/recon/affiliates/${affiliateId}`));
    const lines = submitted.map(({ claim, affiliate, reportId }) => {
      const report = reports.get(reportId);
      const judged = judgedAs(report);
      const own = alerts.filter(({ subject }) => subject === `report/${reportId}`);
      return { claim, affiliate, reportId, report, judged, own, isRight: judged === claim.deserves };
    });
    const addresses = addressesOf(context, stack, {
      campaignIds: [...campaigns.values()],
      reportId: submitted.at(-1)?.reportId ?? "",
    });
    return told({ lines, affiliates: [...now.values()], alerts, addresses });
  }),
);

/** A claim with what became of it. */
interface Line extends Submitted {
  report: Report | undefined;
  judged: string;
  own: Alert[];
  isRight: boolean;
}

function told({
  lines,
  affiliates,
  alerts,
  addresses,
}: {
  lines: Line[];
  affiliates: Affiliate[];
  alerts: Alert[];
  addresses: string[];
}) {
  const wrong = lines.filter(({ isRight }) => !isRight);
  return {
    exitCode: wrong.length === 0 ? exitCodes.fine : exitCodes.found,
    document: {
      reports: lines.map(({ claim, affiliate, report, own, isRight }) => ({
        affiliate: affiliate.name,
        what: claim.what,
        deserves: claim.deserves,
        isRight,
        report,
        alerts: own,
      })),
      affiliates: [...affiliates],
      alerts,
    },
    lines: [
      ...table(
        ["report", "affiliate", "what", "platform", "claimed", "the platform", "verdict", "alerts"],
        lines.map(({ claim, affiliate, reportId, report, judged, own, isRight }) => [
          reportId,
          affiliate.name,
          claim.what,
          claim.platform,
          numbers(claim.claimed),
          report?.verdict == null ? "-" : numbers(verifiedOf(report.verdict)),
          `${judged}${isRight ? "" : ` (deserves ${claim.deserves})`}`,
          own.map(({ kind }) => kind).join(" "),
        ]),
      ),
      "",
      ...table(
        ["affiliate", "trust", "open alerts of its own"],
        [...affiliates].map(({ affiliateId, name, trust }) => [
          name,
          trust.toFixed(2),
          alerts
            .filter(({ subject }) => subject === `affiliate/${affiliateId}`)
            .map(({ kind }) => kind)
            .join(" "),
        ]),
      ),
      "",
      ...alerts
        .filter(({ subject }) => !/^(report|affiliate)\//.test(subject))
        .map(({ severity, kind, message }) => `${severity} ${kind}: ${message}`),
      "",
      ...addresses,
      wrong.length === 0
        ? "every verdict is what its claim deserves"
        : `${wrong.length} verdicts are not what their claims deserve`,
    ],
  };
}

/** Where to look on. */
function addressesOf(
  { env, config }: CommandContext,
  { base }: DemoStack,
  of: { campaignIds: string[]; reportId: string },
) {
  const { campaignIds, reportId } = of;
  const ui = env["TEMPORAL_UI_URL"];
  return [
    `in a browser   ${base}/reconciliation (\`npm run login\` prints a link that logs you in)`,
    "the dashboards, as JSON for programs:",
    "  TOKEN=$(npm run --silent token -- --role analyst)",
    ...[...campaignIds.map((id) => `campaigns/${id}`), "affiliates", "discrepancies"].map(
      (dashboard) => `  curl -H "authorization: Bearer $TOKEN" ${base}/api/v1/recon/dashboard/${dashboard}`,
    ),
    `every route, to read and to try: ${base}/docs`,
    ...(ui === undefined
      ? []
      : [
          `a verdict in Temporal   ${ui}/namespaces/${env["TEMPORAL_NAMESPACE"] ?? "default"}/workflows/${encodeURIComponent(config.queuePrefix + reportWorkflowId(reportId))}`,
        ]),
    `in SQL         select * from recon.reports where report_id = ${reportId}`,
  ];
}

/** Signs as Discord does, with the key pair of this machine's own stack, and sends what Discord would. */
async function submitOverDiscord(
  { env }: CommandContext,
  stack: DemoStack,
  { claim, affiliate, campaignId, url }: { claim: DemoClaim; affiliate: Affiliate; campaignId: string; url: string },
): Promise<string> {
  const applicationId = env["DISCORD_APPLICATION_ID"];
  const privateKey = env["DISCORD_DEMO_PRIVATE_KEY"];
  const user = demoAffiliates.find(({ name }) => name === affiliate.name)?.discordUserId;
  if (applicationId === undefined || privateKey === undefined || user == null)
    throw new CommandError(
      exitCodes.usage,
      "the local stack has no Discord key pair of its own: unset DISCORD_PUBLIC_KEY and start it again",
    );
  const token = randomBytes(48).toString("base64url");
  await stack.sandbox("POST", "/discord/tokens", { applicationId, token });
  const { views, clicks, conversions } = claim.claimed;
  const options = { campaign: campaignId, url, views, clicks, conversions };
  const body = JSON.stringify({
    id: String(BigInt(Date.now()) << 22n),
    application_id: applicationId,
    type: 2,
    token,
    member: { user: { id: user } },
    data: {
      name: "submit",
      options: Object.entries(options).map(([name, value]) => ({
        name,
        type: typeof value === "string" ? 3 : 4,
        value,
      })),
    },
  });
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const key = createPrivateKey({ key: Buffer.from(privateKey, "base64"), format: "der", type: "pkcs8" });
  const response = await fetch(`${stack.base}/hooks/discord`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-signature-timestamp": timestamp,
      "x-signature-ed25519": sign(null, Buffer.from(timestamp + body), key).toString("hex"),
    },
    body,
  });
  const answer = (await response.json()) as { type?: number; data?: { content?: string } };
  if (answer.type !== 5)
    throw new CommandError(exitCodes.found, `Discord's hook answered ${response.status}: ${JSON.stringify(answer)}`);
  const { items } = await stack.api<{ items: Report[] }>(
    "GET",
    `/recon/affiliates/${affiliate.affiliateId}/submissions?limit=1`,
  );
  return items[0]?.reportId ?? "";
}

/** Every report with its verdict, or the state it has reached. */
async function settled(
  context: CommandContext,
  stack: DemoStack,
  submitted: readonly Submitted[],
): Promise<Map<string, Report>> {
  const reports = new Map<string, Report>();
  const until = performance.now() + patienceMs;
  for (;;) {
    for (const { reportId } of submitted) {
      if (reports.get(reportId)?.verdict != null) continue;
      reports.set(reportId, await stack.api<Report>("GET", `/recon/submissions/${reportId}`));
    }
    const open = [...reports.values()].filter(({ verdict, state }) => verdict === null && state !== "STOPPED");
    context.progress.show(`${submitted.length - open.length} of ${submitted.length} verdicts`);
    if (open.length === 0 || performance.now() > until) return reports;
    await wait(lookEveryMs);
  }
}

function judgedAs(report: Report | undefined): string {
  if (report?.verdict == null) return report?.state ?? "?";
  const { verdict, level } = report.verdict;
  return level === null ? verdict : `${verdict} ${level}`;
}

type Numbers = Record<"views" | "clicks" | "conversions", number | null>;

const verifiedOf = ({ compared }: NonNullable<Report["verdict"]>) =>
  Object.fromEntries(compared.map(({ metric, verified }) => [metric, verified])) as Numbers;

/** views/clicks/conversions; a question mark for what the platform does not report. */
function numbers({ views, clicks, conversions }: Numbers): string {
  return [views, clicks, conversions].map((count) => count ?? "?").join("/");
}

await runCommand(command);
