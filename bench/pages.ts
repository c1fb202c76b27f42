// How long people wait for the pages of the running stack: the first byte over loopback, the whole load in Chromium, and
// sorting the cards of all creatives. Asks an API of its own on the stack's data, which lets one caller ask this often; the
// stack's would refuse it after a dozen pages. Fill the stack first: npm run demo. Needs Chromium.
// npm run bench:pages [-- /address ...]
import { chromium } from "playwright-core";
import { openDatabase } from "../schema/database.ts";
import { freePorts } from "../scripts/embedded/process.ts";
import { createLoginLink } from "../scripts/shared/login-link.ts";
import { readEnvironment } from "../settings/environment.ts";
import { Children } from "./children.ts";
import { makeBenchFolder, removeBenchFolder } from "./stack.ts";

const usual = [
  "/",
  "/spend?period=30d",
  "/cost?period=30d",
  "/cost/mapping",
  "/conversions?period=30d",
  "/conversions/everflow?period=30d",
  "/deliveries",
  "/creatives?period=all",
  "/campaigns?period=all",
  "/files",
  "/freshness",
  "/reconciliation",
  "/reconciliation/queue",
  "/alerts",
];
const asked = process.argv.slice(2);
const addresses = asked.length > 0 ? asked : usual;
const client = "713";
const fetches = 21;
const loads = 7;
const warmUps = 3;

const settings = readEnvironment(process.env) as Record<string, string>;
const [port = 0] = await freePorts(1);
const url = `http://127.0.0.1:${port}`;
const folder = await makeBenchFolder();
const children = new Children(folder, settings);
await children.start("api", "api/main.js", {
  env: { API_PORT: String(port), API_RATE_LIMIT_PER_MINUTE: "1000000", LOG_LEVEL: "warn" },
});
const database = openDatabase({ url: settings["DATABASE_URL"] ?? "", poolSize: 1, name: "bench" });
const holder = { client, role: "admin" as const, advertiser: null, affiliateId: null, subject: "bench" };
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(await createLoginLink(database, { holder, minutes: 1, apiUrl: url }));
  const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  console.log(`${"page".padEnd(36)}  first byte    load     html  status`);
  for (const address of addresses) {
    const first: number[] = [];
    let bytes = 0;
    let status = 0;
    for (let count = 0; count < warmUps + fetches; count += 1) {
      const started = performance.now();
      const answer = await fetch(url + address, { headers: { cookie, "accept-encoding": "gzip" }, redirect: "manual" });
      if (count >= warmUps) first.push(performance.now() - started);
      bytes = (await answer.arrayBuffer()).byteLength;
      status = answer.status;
    }
    const whole: number[] = [];
    for (let count = 0; count < loads; count += 1) {
      await page.goto(address, { waitUntil: "load" });
      whole.push(Number(await page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")));
    }
    const [byte, load, kilobytes] = [median(first), median(whole), bytes / 1_000];
    console.log(`${address.padEnd(36)}  ${ms(byte)}  ${ms(load)}  ${kilobytes.toFixed(0).padStart(4)} kB  ${status}`);
  }
  await page.goto("/creatives?period=all", { waitUntil: "load" });
  const cards = Number(await page.evaluate("document.querySelectorAll('#creatives > li').length"));
  const sorts: number[] = [];
  for (const order of ["cpc", "spend", "cpm", "id", "cpc", "spend", "cpm"]) {
    sorts.push(
      Number(
        await page.evaluate(`new Promise((resolve) => {
          const started = performance.now();
          document.querySelector('a[data-sort="${order}"]').click();
          requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - started)));
        })`),
      ),
    );
  }
  console.log(`sorting ${cards} cards until they are painted: ${ms(median(sorts))}`);
} finally {
  await browser.close();
  await database.end();
  children.killAll();
  await removeBenchFolder(folder);
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function ms(value: number): string {
  return `${value.toFixed(0).padStart(6)} ms`;
}
