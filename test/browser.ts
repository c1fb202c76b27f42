import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { expect } from "@jest/globals";
import type { AxeResults } from "axe-core";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { loggedIn } from "./page-server.ts";
import { createLoginLink } from "../scripts/shared/login-link.ts";
import { projectRoot } from "../settings/environment.ts";
import { openDatabase, type Database } from "../schema/database.ts";
import type { Role } from "../core/tokens.ts";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** What happened in a page that must not. */
export interface Complaints {
  console: string[];
  policy: string[];
}

interface LogIn {
  role?: Role;
  scheme?: "light" | "dark";
  width?: number;
  lessMotion?: boolean;
}

export interface Visitor {
  browser: Browser;
  database: Database;
  url: string;
  token: string;
  /** A browser's window of its own, logged in. */
  logIn: (as?: LogIn) => Promise<BrowserContext>;
  /** The same as an affiliate, by a session of theirs. */
  logInAsAffiliate: (affiliateId: string, as?: Pick<LogIn, "scheme" | "width">) => Promise<BrowserContext>;
  close: () => Promise<void>;
}

interface Looks extends Required<Pick<LogIn, "scheme" | "width" | "lessMotion">> {
  url: string;
}

/** A window of its own, which notes what a page's policy forbade. */
async function newContext(browser: Browser, { url, scheme, width, lessMotion }: Looks): Promise<BrowserContext> {
  const context = await browser.newContext({
    ...{ baseURL: url, colorScheme: scheme, viewport: { width, height: 800 } },
    reducedMotion: lessMotion ? "reduce" : "no-preference",
  });
  await context.addInitScript(`
    window.policyComplaints = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      window.policyComplaints.push(event.violatedDirective + " " + event.blockedURI));`);
  return context;
}

/** A browser on the stack of the page tests. */
export async function openBrowser(): Promise<Visitor> {
  const url = process.env["TEST_PAGES_URL"];
  const databaseUrl = process.env["TEST_PAGES_DATABASE_URL"];
  if (url === undefined || databaseUrl === undefined) throw new Error("is this test named *.page.test.ts?");
  const executablePath = process.env["CHROMIUM_PATH"] ?? places.find((place) => existsSync(place));
  if (executablePath === undefined)
    throw new Error("no Chromium was found: install it (Debian: apt-get install chromium), or set CHROMIUM_PATH");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const database = openDatabase({ url: databaseUrl, poolSize: 3, name: "page tests" });
  return {
    browser,
    database,
    url,
    token: process.env["TEST_PAGES_TOKEN"] ?? "",
    async logIn({ role = "admin", scheme = "light", width = 1280, lessMotion = false } = {}) {
      const context = await newContext(browser, { url, scheme, width, lessMotion });
      const holder = {
        client: "713",
        role,
        advertiser: role === "advertiser" ? "adv-1" : null,
        affiliateId: null,
        subject: "tester",
      };
      const page = await context.newPage();
      await page.goto(await createLoginLink(database, { holder, minutes: 1, apiUrl: url }));
      await page.close();
      return context;
    },
    async logInAsAffiliate(affiliateId, { scheme = "light", width = 1280 } = {}) {
      const context = await newContext(browser, { url, scheme, width, lessMotion: false });
      const { cookie = "" } = await loggedIn(database, {
        role: null,
        affiliateId,
        subject: `affiliate/${affiliateId}`,
      });
      const [name = "", value = ""] = cookie.split("=");
      await context.addCookies([{ name, value, url }]);
      return context;
    },
    close: async () => {
      await browser.close();
      await database.end();
    },
  };
}

/** Opens a page and notes what the browser complains of from the first byte on. */
export async function openPage(
  context: BrowserContext,
  address: string,
): Promise<{ page: Page; complaints: Complaints }> {
  const page = await context.newPage();
  const complaints: Complaints = { console: [], policy: [] };
  page.on("console", (message) => message.type() === "error" && complaints.console.push(message.text()));
  page.on("pageerror", (error) => complaints.console.push(String(error)));
  await page.goto(address, { waitUntil: "load" });
  complaints.policy = await page.evaluate("window.policyComplaints");
  return { page, complaints };
}

/** What axe finds wrong, by rule and place. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  // Only for axe itself, which is put into the page; the page was loaded under its own policy.
  await session.send("Page.setBypassCSP", { enabled: true });
  await page.reload({ waitUntil: "load" });
  await page.evaluate(axe);
  const found = (await page.evaluate(`window.axe.run(document, { runOnly: ${JSON.stringify(rules)} })`)) as AxeResults;
  await session.send("Page.setBypassCSP", { enabled: false });
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary ?? ""}`),
  );
}

/** Kept as an artefact of the run, for people to look at. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  const folder = process.env["SCREENSHOTS"] ?? path.join(projectRoot(), ".signal-room/screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}

export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const { scroll, inner } = (await page.evaluate(
    "({ scroll: document.documentElement.scrollWidth, inner: window.innerWidth })",
  )) as { scroll: number; inner: number };
  expect(scroll).toBeLessThanOrEqual(inner);
}
