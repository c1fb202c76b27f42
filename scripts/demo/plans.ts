import type { Area } from "./demo.ts";
import { until } from "./upload.ts";

interface Advised {
  advice: { by: string; of: string }[];
}

/** What waste advises, of which one each becomes a plan. */
const planned = ["country", "publisher"] as const;

/** Changes of pretargeting that the waste of these days calls for: dry runs, with their difference. */
export const plansArea: Area = {
  name: "pretargeting",
  vendors: ["authorized_buyers"],
  joinsNoReal: true,
  counted:
    "select count(*)::int as rows from rtb.pretargeting_plans where _client_id = $1 and $2::date <= $3::date and origin = 'sandbox'",
  async fill({ stack, client, context }, show) {
    const database = await context.database();
    const stateOf = async (by: string) =>
      (
        await database.query<{ state: string }>(
          "select state from rtb.pretargeting_plans where _client_id = $1 and created_by = 'demo' and wanted ->> 'by' = $2 limit 1",
          [client, by],
        )
      ).rows[0]?.state;
    const { advice } = await stack.api<Advised>("GET", "/rtb/analytics/waste");
    for (const by of planned) {
      const found = advice.find((one) => one.by === by);
      if (found === undefined || (await stateOf(by)) !== undefined) continue;
      show(`a plan to leave out the ${by} ${found.of}`);
      await stack.api("POST", "/rtb/pretargeting/plans", { body: { waste: { by, value: found.of } } });
      await until(async () => (await stateOf(by)) !== "planning", `the plan of ${by} ${found.of} was not computed`);
    }
  },
};
