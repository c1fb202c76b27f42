import { setTimeout as wait } from "node:timers/promises";
import { addDays, daysFromTo } from "../../core/days.ts";
import { CommandError, exitCodes } from "../shared/command-line.ts";
import { dayBefore, type Area, type Demo, type Show } from "./demo.ts";

const lookEveryMs = 250;
const patienceMs = 300_000;
/** Ten clicks come to nothing for one that leads to a sale: of older days they would only take time. */
const idleClicksOfLastDays = 35;

/** Conversions and the clicks before them, as AnyTrack posts them to the webhook: the sandbox is their sender. */
export const anytrack: Area = {
  name: "anytrack",
  vendors: [],
  joinsNoReal: true,
  needsHook: true,
  counted: `select (select count(*) from anytrack.conversions where _client_id = $1 and event_time >= $2::date and event_time < $3::date + 1)::int
                 + (select count(*) from anytrack.clicks where _client_id = $1 and at >= $2::date and at < $3::date + 1)::int as rows`,
  async fill(demo, show) {
    const lastDays = await daysToPost(demo);
    if (lastDays > 0) await post(demo, show, { lastDays, idleClicksOfLastDays });
    await postTracked(demo, show);
  },
};

/** So many days ago AnyTrack has what Everflow has, but for a few. */
const trackedAgo = [1, 2, 3, 4, 5, 6];
const planted = { missing: 3, extra: 2, amounts: 2, refused: 1 };

async function postTracked(demo: Demo, show: Show): Promise<void> {
  const { client, context } = demo;
  const days = trackedAgo.flatMap((ago) => dayBefore(demo, ago) ?? []);
  const { rows } = await (
    await context.database()
  ).query<{ day: string }>(
    "select distinct date as day from anytrack.conversions where _client_id = $1 and source = 'network' and date = any($2::date[])",
    [client, days],
  );
  const known = new Set(rows.map(({ day }) => day));
  for (const day of days.filter((one) => !known.has(one)))
    await post(demo, show, { tracked: { from: day, to: day, ...planted } });
}

/** How many days back the first one lies that nothing came of; the day under way is the stack's own. */
async function daysToPost({ context, client, days, today }: Demo): Promise<number> {
  const { rows } = await (
    await context.database()
  ).query<{ day: string }>(
    "select distinct (event_time at time zone 'UTC')::date::text as day from anytrack.conversions where _client_id = $1",
    [client],
  );
  const known = new Set(rows.map(({ day }) => day));
  const first = days.find((day) => day < today && !known.has(day));
  // The sender counts days of UTC, which may be a day ahead.
  return first === undefined ? 0 : daysFromTo(first, addDays(today, 1)).length;
}

/** Has the sandbox post, and waits until all of it was taken. */
export async function post({ stack, client, context }: Demo, show: Show, what: object): Promise<void> {
  const order = { url: hookOf({ stack, client, context }), client, connections: 8, ...what };
  const { id } = await stack.sandbox<{ id: number }>("POST", "/anytrack/webhooks", order);
  for (const until = Date.now() + patienceMs; ; await wait(lookEveryMs)) {
    const sending = (await stack.sandbox<Sending[]>("GET", "/anytrack/webhooks"))[id];
    if (sending === undefined) throw new Error(`the sandbox knows no sending ${id}`);
    const { accepted, posts, tookMs, statuses } = sending;
    show(`${accepted} of ${posts} events posted`);
    if (tookMs !== null) return;
    if (Date.now() > until)
      throw new CommandError(
        exitCodes.found,
        `the webhook took ${accepted} of ${posts} events: ${JSON.stringify(statuses)}`,
      );
  }
}

export function hookOf({ stack, client, context }: Pick<Demo, "stack" | "client" | "context">): string {
  const secret = context.config.anytrack.webhookSecrets.get(client);
  if (secret === undefined) throw new Error("an area without a webhook is left out");
  return `${stack.base}/hooks/anytrack/${secret}`;
}

interface Sending {
  posts: number;
  accepted: number;
  tookMs: number | null;
  statuses: Record<string, number>;
}
