import { addDays, dayAt, hourAt } from "../../core/days.ts";
import { readPulls, readSpendCalendar } from "../../queries/cost/spend.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import {
  readCampaignDays,
  readFileDates,
  readFinalDates,
  readLastReading,
  readRuleStates,
  readSourceDays,
  writeRuleState,
  type EntityDays,
} from "../../queries/ops/rule-states.ts";
import { step, type RuleState } from "../../rules/ops/rule-state.ts";
import { daysToCompare, lastOfHours } from "../../rules/cost/pace.ts";
import { judgeImport, missingImport } from "../../rules/files/import-days.ts";
import { judgeCpc, judgeSpend, judgeSpendSoFar, type Series, type Verdict } from "../../rules/ops/spend-rules.ts";
import { inTransaction, type Database } from "../../schema/database.ts";

interface Watched {
  client: string;
  zone: string;
  now: Date;
}

/** As far back as the rules look. */
const lookBackDays = 36;
/** Days that arrive together are judged one after the other; older ones tell nobody anything any more. */
const mostDaysAtOnce = 7;
/** A rule that has never judged begins with the last days, not with the past. */
const firstDays = 2;

interface SpendRule {
  name: "cpc_spike" | "spend_drop";
  judge: (series: Series, day: string) => Verdict | null;
  say: (name: string, day: string, ratio: number) => string;
}

const percent = (ratio: number) => `${Math.round(Math.abs(ratio - 1) * 100)} %`;

const spendRules: readonly SpendRule[] = [
  {
    name: "cpc_spike",
    judge: judgeCpc,
    say: (name, day, ratio) => `${name}: a click cost ${percent(ratio)} more on ${day} than in the 7 days before`,
  },
  {
    name: "spend_drop",
    judge: judgeSpend,
    say: (name, day, ratio) => `${name}: spend of ${day} is ${percent(ratio)} below the usual of that weekday`,
  },
];

/** Judges each complete day once, and tells of what changed. A day that is not complete is waited for, never taken for a drop. */
export async function watchSpend(database: Database, watched: Watched): Promise<void> {
  const { client, zone, now } = watched;
  const today = dayAt(now, zone);
  const range = { client, from: addDays(today, -lookBackDays), to: addDays(today, -1) };
  const [final, files] = await Promise.all([readFinalDates(database, range), readFileDates(database, range)]);
  const groups = [
    { rooted: "redtrack/", dates: final, read: () => readSourceDays(database, range) },
    { rooted: "campaign/", dates: files, read: () => readCampaignDays(database, range) },
  ];
  for (const { rooted, dates, read } of groups) {
    const last = dates.at(-1);
    if (last === undefined) continue;
    const [cpc, drop] = await Promise.all([
      readRuleStates(database, { client, rule: "cpc_spike" }),
      readRuleStates(database, { client, rule: "spend_drop" }),
    ]);
    const judged = [...cpc].filter(([entity]) => entity.startsWith(rooted)).map(([, { day }]) => day);
    // Nothing is new since the last time: reading all days of all campaigns is not for every ten minutes.
    if (judged.some((day) => day >= last)) continue;
    for (const entity of await read())
      await judgeEntity(database, watched, { entity, dates, states: { cpc_spike: cpc, spend_drop: drop } });
  }
  await watchRunningDay(database, watched);
  await watchImports(database, watched, new Set(files));
}

interface ToJudge {
  entity: EntityDays;
  dates: readonly string[];
  states: Record<SpendRule["name"], ReadonlyMap<string, RuleState>>;
}

async function judgeEntity(
  database: Database,
  { client, now }: Watched,
  { entity: { entity, name, days }, dates, states }: ToJudge,
): Promise<void> {
  const series: Series = new Map(
    days.map(({ day, clicks, spend }) => [day, { day, clicks: Number(clicks), spend: Number(spend) }]),
  );
  for (const rule of spendRules) {
    const before = states[rule.name].get(entity) ?? null;
    const fresh = dates.filter((day) => before === null || day > before.day);
    const toJudge = fresh.slice(before === null ? -firstDays : -mostDaysAtOnce);
    await judgeDays(database, { client, now, rule: rule.name, entity, before }, toJudge, {
      judge: (day) => rule.judge(series, day),
      say: (day, value) => rule.say(name, day, value),
    });
  }
}

interface Judging {
  client: string;
  now: Date;
  rule: string;
  entity: string;
  before: RuleState | null;
}

interface HowTo {
  judge: (day: string) => Verdict | null;
  say: (day: string, value: number) => string;
  /** The day it is about, where that is not the one it is judged as. */
  of?: string;
}

/** The alert and where the rule stands are written together: neither is told without the other. */
async function judgeDays(
  database: Database,
  { client, now, rule, entity, before }: Judging,
  days: readonly string[],
  { judge, say, of }: HowTo,
): Promise<void> {
  let state = before;
  for (const day of days) {
    const verdict = judge(day);
    const next = step(state, verdict, now);
    const firedAt = next.tell === "fire" ? now : (state?.firedAt ?? null);
    state = { state: next.state, day, firedAt };
    await inTransaction(database, async (session) => {
      const subject = { client, area: "spend", subject: entity };
      if (next.tell === "fire" && verdict !== null)
        await raiseAlert(session, {
          ...subject,
          kind: rule,
          severity: "warning",
          message: say(day, verdict.value),
          details: { day: of ?? day, value: verdict.value, threshold: verdict.threshold },
        });
      if (next.tell === "resolve")
        await settleAlerts(session, { ...subject, kinds: [rule], notes: `back within what is usual on ${of ?? day}` });
      const { value = null, threshold = null } = verdict ?? {};
      await writeRuleState(session, { client, rule }, { entity, state: next.state, day, firedAt, value, threshold });
    });
  }
}

/** This runs every ten minutes; a day is read once an hour: what was read longer ago was judged. */
const freshMs = 20 * 60_000;

/**
 * The running day of Redtrack, hour by hour. It shares the state of the daily rule: what fired by the hour does not fire
 * again when the day is whole, and the day is still judged then.
 */
async function watchRunningDay(database: Database, { client, now }: Watched): Promise<void> {
  const { timezone } = await readSpendCalendar(database, client);
  const today = dayAt(now, timezone);
  const readAt = await readLastReading(database, { client, day: today });
  if (readAt === null || now.getTime() - readAt.getTime() > freshMs) return;
  const { sameWeekdays } = daysToCompare(today);
  const days = [today, ...sameWeekdays];
  const pulls = lastOfHours(await readPulls(database, { client, days }));
  const states = await readRuleStates(database, { client, rule: "spend_drop" });
  const readings = new Map(days.map((day) => [day, [...new Set(hoursOf(pulls, day))]]));
  for (const sourceId of new Set(pulls.map((pull) => pull.sourceId))) {
    const entity = `redtrack/${sourceId}`;
    const before = states.get(entity);
    // Without a day that was judged there are no weeks to compare with.
    if (before === undefined) continue;
    const own = pulls.filter((pull) => pull.sourceId === sourceId);
    // A reading without a row of the source: it had spent nothing by then.
    const spentBy = (day: string, hour: number) =>
      Number(own.find((pull) => pull.date === day && pull.hour === hour)?.cost ?? 0);
    const spent = (day: string) => new Map((readings.get(day) ?? []).map((hour) => [hour, spentBy(day, hour)]));
    const hour = readings.get(today)?.at(-1) ?? 0;
    const name = own.at(-1)?.sourceName ?? sourceId;
    await judgeDays(database, { client, now, rule: "spend_drop", entity, before }, [before.day], {
      judge: () => judgeSpendSoFar(spent(today), sameWeekdays.map(spent)),
      say: (_, value) =>
        `${name}: spend of ${today} until ${hour}:59 is ${percent(value)} below the usual of that weekday by then`,
      of: today,
    });
  }
}

const hoursOf = (pulls: readonly { date: string; hour: number }[], of: string) =>
  pulls.filter(({ date }) => date === of).map(({ hour }) => hour);

async function watchImports(
  database: Database,
  { client, zone, now }: Watched,
  days: ReadonlySet<string>,
): Promise<void> {
  const entity = "rtb.performance";
  const rule = "missing_import";
  const yesterday = addDays(dayAt(now, zone), -1);
  const before = (await readRuleStates(database, { client, rule })).get(entity) ?? null;
  const { came, isThere, isMissing } = judgeImport(days, yesterday);
  if (isMissing && hourAt(now, zone) < missingImport.fromHour) return;
  if (before === null && !isMissing) return;
  const verdict = { isOver: isMissing, isUrgent: isMissing, isClear: isThere };
  await judgeDays(database, { client, now, rule, entity, before }, [yesterday], {
    judge: () => ({ value: came, threshold: missingImport.most, ...verdict }),
    say: (day) =>
      `No file has ad performance of ${day}: one came on ${came} of the 7 days before. Look into the import folder.`,
  });
}
