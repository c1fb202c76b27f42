import { raiseAlert, settleAlerts } from "../ops/alerts.ts";
import type { WholeDay } from "../files/merge-shapes.ts";
import { withoutLoops } from "../rtb/rollups.ts";
import { OwnersDiffer, type OwnersDay } from "../shared/owners-differ.ts";
import type { Queryable, Session } from "../../schema/database.ts";

/** A day of a feed that owns it, with the path that its files have. */
export type OwnedDay = OwnersDay & WholeDay;

const ofOthers = `t._client_id = $1 and t.date = $2::date and not exists (
    select from ops.files f where f.file_id = t._file_id and f.place = 'warehouse' and f.path = $3)`;

/** What others have stored of the day, kept beside until the owner's rows are there too. */
export async function noteOthers(session: Session, { client, day, path }: OwnedDay): Promise<number> {
  const noted = await session.query(
    `create temp table others on commit drop as
     select t.* from rtb.performance_metrics t where ${ofOthers}`,
    [client, day, path],
  );
  return noted.rowCount ?? 0;
}

/** Throws where what others had stored is no longer there as it was. */
export async function refuseOthersChanged(session: Session, of: OwnedDay, before: string): Promise<void> {
  const read = () =>
    session.query<{ rows: number; files: number[]; after: string }>(
      `select count(*)::int as rows, (array_agg(distinct o._file_id order by o._file_id))[1:5] as files,
            (select coalesce(sum(spend), 0)::text from rtb.performance_metrics where _client_id = $1 and date = $2::date) as after
       from pg_temp.others o
       left join rtb.performance_metrics t on t._client_id = o._client_id and t.creative_id = o.creative_id and t.date = o.date
            and t.hour = o.hour and t.geography = o.geography and t.device_type = o.device_type and t.placement = o.placement
      where (t.impressions, t.clicks, t.spend) is distinct from (o.impressions, o.clicks, o.spend)`,
      [of.client, of.day],
    );
  const { rows } = await withoutLoops(session, read);
  const [found] = rows;
  if (found !== undefined && found.rows > 0) throw new OwnersDiffer(of, { ...found, before });
}

const kind = "owners_differ";
const subjectOf = ({ source, day }: Pick<OwnedDay, "source" | "day">) => `${source}/${day}`;

export async function raiseOwnersDiffer(database: Queryable, { of, found, message }: OwnersDiffer): Promise<void> {
  await raiseAlert(database, {
    client: of.client,
    area: "sync",
    kind,
    subject: subjectOf(of),
    severity: "critical",
    message,
    details: { day: of.day, ...found },
  });
}

export async function settleOwnersDiffer(database: Queryable, of: OwnedDay): Promise<void> {
  const { client } = of;
  await settleAlerts(database, {
    ...{ client, area: "sync", kinds: [kind], subject: subjectOf(of) },
    notes: "the warehouse's rows are stored",
  });
}
