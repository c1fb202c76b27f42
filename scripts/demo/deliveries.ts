import { clockTime } from "../../core/days.ts";
import { originHeader } from "../../core/origin.ts";
import { hookOf, post } from "./anytrack.ts";
import { zone, type Area, type Demo } from "./demo.ts";
import { run, withFault } from "./readings.ts";

/** Sales known by their order alone: Meta could find nobody by them, and HubSpot takes them. */
const withoutPerson = 6;
/** Came after the last delivery. */
const late = 12;

/** Conversions on their way to Meta and HubSpot: delivered, refused, too old, waiting, and held by a daily limit. */
export const deliveries: Area = {
  name: "deliveries",
  vendors: ["meta", "hubspot"],
  joinsNoReal: true,
  needsHook: true,
  counted:
    "select count(*)::int as rows from ops.deliveries where _client_id = $1 and event_time >= $2::date and event_time < $3::date + 1",
  async fill(demo, show) {
    const name = `demo-late-${demo.today}`;
    if (await isKnown(demo, `atclk_${demo.client}-${name}-0`)) return;
    show("sales of which only the order is known");
    await postWithoutPerson(demo);
    show("to Meta and HubSpot");
    await deliver(demo);
    const from = clockTime(demo.today, 0, 0, zone).toISOString();
    await post(demo, show, { name, from, count: late });
    show("Meta rejects the token, HubSpot's daily limit is used up");
    await withFault(demo, { vendor: "meta", kind: "unauthorized" }, () =>
      withFault(demo, { vendor: "hubspot", path: dealsOf(demo), kind: "rate_limited", policy: "DAILY" }, () =>
        deliver(demo),
      ),
    );
  },
};

/** Where deals are written: before that, HubSpot is asked whether it knows their property. */
function dealsOf({ context, client }: Demo): string {
  return `${context.config.accounts.get(`hubspot/${client}`)?.settings["HUBSPOT_OBJECTS_PATH"]}/deals/batch/upsert`;
}

async function isKnown({ context, client }: Demo, clickId: string): Promise<boolean> {
  const { rows } = await (
    await context.database()
  ).query<{ is: boolean }>(
    "select exists (select from anytrack.conversions where _client_id = $1 and click_id = $2) as is",
    [client, clickId],
  );
  return rows[0]?.is ?? false;
}

async function postWithoutPerson(demo: Demo): Promise<void> {
  const { client, today } = demo;
  const at = clockTime(today, 0, 0, zone).getTime();
  const events = Array.from({ length: withoutPerson }, (_, index) => ({
    assetId: "asset_sandbox",
    eventName: "Purchase",
    eventValue: 40 + index,
    currency: "USD",
    eventTime: new Date(at - (index + 1) * 3_600_000).toISOString(),
    transactionId: `ord-${client}-demo-order-${today}-${index}`,
    source: "newsletter",
    campaignId: `camp_${index % 5}`,
    sub1: `aff_${index % 6}`,
  }));
  const response = await fetch(hookOf(demo), {
    method: "POST",
    headers: { "content-type": "application/json", [originHeader]: "sandbox" },
    body: JSON.stringify(events),
  });
  if (!response.ok) throw new Error(`the webhook answered ${response.status}: ${await response.text()}`);
}

/** That a destination stops a run is an outcome here. */
async function deliver(demo: Demo): Promise<void> {
  const { client } = demo;
  await run(demo, {
    workflowType: "deliverConversions",
    workflowId: `deliver-conversions/demo/${client}`,
    input: { client },
    summary: `new conversions of client ${client}`,
  });
}
