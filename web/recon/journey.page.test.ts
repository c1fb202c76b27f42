import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openBrowser, type Visitor } from "../../test/browser.ts";

let visitor: Visitor;
beforeAll(async () => {
  visitor = await openBrowser();
});
afterAll(() => visitor.close());

test("an affiliate disputes a verdict, and an operator settles it", async () => {
  const { rows } = await visitor.database.query<{ report: string; affiliate: string }>(
    `select s.report_id::text as report, s.affiliate_id::text as affiliate
       from recon.report_state s left join recon.disputes d on d.log_id = s.log_id
      where s.level in ('MEDIUM', 'HIGH') and s.state = 'RECONCILED' and d.dispute_id is null order by s.report_id desc limit 1`,
  );
  const { report = "", affiliate = "" } = rows[0] ?? {};
  const own = await visitor.logInAsAffiliate(affiliate);
  const theirs = await own.newPage();
  await theirs.goto(`/claims/${report}`);
  await theirs.getByLabel("Why it is wrong").fill("the platform counts a day later");
  await theirs.getByRole("button", { name: "Dispute, once" }).click();
  await theirs.getByText("Your dispute").waitFor();
  expect(await theirs.getByRole("button", { name: "Dispute, once" }).count()).toBe(0);

  const staff = await visitor.logIn({ role: "operator" });
  const page = await staff.newPage();
  await page.goto("/reconciliation");
  await page
    .getByRole("link", { name: /Open disputes|^\d+$/ })
    .first()
    .waitFor();
  await page.goto(`/reconciliation/reports/${report}`);
  await page.getByText("the platform counts a day later").waitFor();
  await page.getByLabel("In whose favour").selectOption("affiliate");
  await page.getByLabel("Notes").fill("agreed on the phone");
  await page.getByRole("button", { name: "Settle" }).click();
  await page.getByText("settled for the affiliate").waitFor();

  await theirs.reload();
  await theirs.getByText("agreed on the phone").waitFor();
  await Promise.all([own.close(), staff.close()]);
});
