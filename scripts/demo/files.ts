import { reportKinds } from "../../rules/files/file-kinds.ts";
import type { Area, Demo } from "./demo.ts";
import {
  correctedCreatives,
  correctedDays,
  correctedLine,
  demoCreatives,
  demoSeats,
  performanceColumns,
  performanceLines,
  type DemoCreative,
} from "./performance.ts";
import { reportFiles } from "./reports.ts";
import { until, upload, type DemoFile } from "./upload.ts";

const creatives = demoCreatives();
/** A report covers at most so many days. */
const daysPerFile = 30;

interface Seat {
  buyerId: string;
  lastSync: string | null;
}

/** The seats that the sandbox's exchange lists, and their creatives. */
export const creativesArea: Area = {
  name: "creatives",
  vendors: ["authorized_buyers"],
  joinsNoReal: true,
  counted: "select count(*)::int as rows from rtb.creatives where _client_id = $1 and $2::date <= $3::date",
  async fill({ stack }, show) {
    show("seats");
    await stack.api("POST", "/rtb/seats/discover");
    for (const buyerId of demoSeats) {
      show(`creatives of seat ${buyerId}`);
      const isSynced = async () =>
        (await stack.api<{ items: Seat[] }>("GET", "/rtb/seats?limit=500")).items.some(
          (seat) => seat.buyerId === buyerId && seat.lastSync !== null,
        );
      if (await isSynced()) continue;
      await stack.api("POST", `/rtb/seats/${buyerId}/sync`);
      await until(isSynced, `seat ${buyerId} was not synced`);
    }
    // They come while the files are imported.
    show("pictures of creatives");
    await stack.api("POST", "/rtb/thumbnails/fetch");
  },
};

/** What the creatives' campaigns are, found by rules; after the files, since names say where the money goes. */
export const campaignsArea: Area = {
  name: "campaigns",
  vendors: ["authorized_buyers"],
  joinsNoReal: true,
  counted: "select count(*)::int as rows from rtb.campaigns where _client_id = $1 and $2::date <= $3::date",
  async fill({ stack }, show) {
    show("grouping creatives");
    const lastRun = async () =>
      (await stack.api<{ items: { clusterRunId: number }[] }>("GET", "/rtb/campaigns/cluster/runs?limit=1")).items[0]
        ?.clusterRunId ?? 0;
    const before = await lastRun();
    await stack.api("POST", "/rtb/campaigns/cluster", { body: { ai_provider: "rule-based" } });
    await until(async () => (await lastRun()) > before, "creatives were not grouped into campaigns");
  },
};

/** Uploads of ad performance: whole months, days reported again, lines that were rejected, and a file that was refused. */
export const files: Area = {
  name: "ad performance",
  vendors: [],
  joinsNoReal: true,
  counted: "select count(*)::int as rows from rtb.performance_metrics where _client_id = $1 and date between $2 and $3",
  async fill(demo, show) {
    for (const file of filesOf(demo)) await upload(demo, show, file);
  },
};

const reportRows = Object.values(reportKinds)
  .map(({ table }) => `select count(*)::int as rows from ${table} where _client_id = $1 and date between $2 and $3`)
  .join(" union all ");

/** Reports of Authorized Buyers and the bidder's own traffic, of which waste and coverage are made. */
export const reportsArea: Area = {
  name: "traffic and waste",
  vendors: ["authorized_buyers"],
  joinsNoReal: true,
  counted: `select sum(rows)::int as rows from (${reportRows}) counted`,
  async fill(demo, show) {
    const { days, today } = demo;
    for (const file of reportFiles(days.filter((day) => day < today))) await upload(demo, show, file);
  },
};

/** In the order in which they arrive; of days that are over. */
function filesOf({ days, today }: Demo): DemoFile[] {
  const over = days.filter((day) => day < today);
  const months = Array.from({ length: Math.ceil(over.length / daysPerFile) }, (_, index) =>
    over.slice(index * daysPerFile, (index + 1) * daysPerFile),
  );
  const last = over.slice(-correctedDays);
  const partnerDay = over.at(-3) ?? over.at(-1) ?? today;
  return [
    ...months.map((month) => file(nameOf("performance", month), report(creatives, month))),
    file(
      nameOf("performance-corrected", last),
      report(creatives.slice(0, correctedCreatives), last).map(correctedLine),
    ),
    file(nameOf("partner", [partnerDay]), partner(partnerDay)),
    // It says what was spent, and not on what.
    { name: nameOf("invoice", last), header: "day,amount,currency", lines: last.map((day) => `${day},1250.00,EUR`) },
  ];
}

const file = (name: string, lines: string[]): DemoFile => ({ name, header: performanceColumns, lines });
const nameOf = (what: string, days: readonly string[]) =>
  `demo-${what}-${[...new Set([days[0], days.at(-1)])].join("-to-")}.csv`;

const report = (of: readonly DemoCreative[], days: readonly string[]) =>
  days.flatMap((day) => of.flatMap((creative) => performanceLines(creative, day)));

/** A partner's report of another country, with cells that no reader can take. */
function partner(day: string): string[] {
  const broken = [
    (cells: string[]) => cells.with(2, "12;400"),
    (cells: string[]) => cells.with(3, String(Number(cells[2]) * 3)),
    (cells: string[]) => cells.with(4, "n/a"),
    (cells: string[]) => cells.with(1, "31.11.2025"),
    (cells: string[]) => cells.with(5, "Atlantis"),
    (cells: string[]) => cells.with(0, "creative-17"),
  ];
  return creatives.slice(0, 400).map(({ creativeId, usual }, index) => {
    const cells = [
      creativeId,
      day,
      String(usual),
      String(Math.floor(usual / 150)),
      (usual / 400).toFixed(2),
      "NZ",
      "mobile",
    ];
    return (index % 45 === 7 ? (broken[Math.floor(index / 45) % broken.length]?.(cells) ?? cells) : cells).join(",");
  });
}
