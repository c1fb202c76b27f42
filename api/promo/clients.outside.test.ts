import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { projectRoot } from "../../settings/environment.ts";
import { hostilities, startHostileServer } from "../../test/hostile-server.ts";
import { startPromoSite, type PromoSite } from "../../test/promo-site.ts";

let site: PromoSite;
let hostile: Awaited<ReturnType<typeof startHostileServer>>;
beforeAll(async () => {
  site = await startPromoSite();
  hostile = await startHostileServer();
}, 60_000);
afterAll(async () => {
  hostile?.stop();
  await site?.stop();
});

/** Runs a script beside the client; what it prints last is JSON. */
async function python(script: string, ...more: string[]): Promise<unknown> {
  const text = `import json, sys, time\nfrom signal_room_promo import Newsletter, Redirect, promo_var_of\n${script}`;
  const { stdout } = await promisify(execFile)("python3", ["-c", text, ...more], {
    env: { ...process.env, PYTHONPATH: path.join(projectRoot(), "docs/promo"), PYTHONDONTWRITEBYTECODE: "1" },
    timeout: 50_000,
  });
  return JSON.parse(stdout);
}

test("Python: a newsletter selects a text and counts its send once; a click on its link is counted", async () => {
  const answer = await python(
    `
newsletter = Newsletter(sys.argv[1])
promo = newsletter.select()
shown = [newsletter.shown(promo, "2025-10-18-daily", 500) for _ in range(2)]
threads = [Redirect(sys.argv[1], timeout=5).track_click(promo["link"], referrer="gmail_app", ip_address="1.2.3.4")]
for thread in threads: thread.join()
print(json.dumps({"promo": promo, "shown": shown}))`,
    site.url,
  );
  expect(answer).toMatchObject({
    promo: { offer_id: 4, variation_id: 42, text_content: "Build your startup", cta_text: null },
    shown: [true, true],
  });
  expect(await site.counters()).toEqual({ impressions: 500, clicks: 1 });
});

test("Python: whatever the server does, nothing is raised and nothing waits beyond its time", async () => {
  expect(
    await python(
      `print(json.dumps(Newsletter(sys.argv[1]).shown({"offer_id": 4, "variation_id": 42}, "s", 1)))`,
      hostile.urlOf("spooling"),
    ),
  ).toBe(true);
  const urls = ["http://127.0.0.1:1", "no address", ...hostilities.map(hostile.urlOf)];
  const answers = await python(
    `
answers = []
for url in sys.argv[1:]:
    started = time.monotonic()
    newsletter = Newsletter(url, select_timeout=0.3, track_timeout=0.3)
    promo = newsletter.select()
    shown = newsletter.shown({"offer_id": 4, "variation_id": 42}, "s", 1)
    asked = time.monotonic() - started
    started = time.monotonic()
    Redirect(url, timeout=0.3).track_click("https://x.example/?promo_var=42")
    answers.append([promo, shown, asked < 2, time.monotonic() - started < 0.2])
print(json.dumps(answers))`,
    ...urls,
  );
  expect(answers).toEqual(urls.map(() => [null, false, true, true]));
});

test("Python: what is no promo_var is no click", async () => {
  const urls = ["/a?promo_var=42", "/a", "/a?promo_var=042", "/a?promo_var=4294967296", "/a?promo_var=x", "http://["];
  const answer = await python(
    `
redirect = Redirect("http://127.0.0.1:1")
print(json.dumps([redirect.track_click(url) is not None for url in sys.argv[1:]]))`,
    ...urls,
  );
  expect(answer).toEqual([true, false, false, false, false, false]);
});
