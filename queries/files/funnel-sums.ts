import { reportKinds, type ReportName } from "../../rules/files/file-kinds.ts";
import type { Session } from "../../schema/database.ts";

type FunnelReport = Extract<ReportName, `funnel_${string}`>;
const reports: Readonly<Record<FunnelReport, string>> = {
  funnel_by_country: "pipeline_by_country",
  funnel_by_publisher: "pipeline_by_publisher",
};
const isFunnel = (name: ReportName): name is FunnelReport => name in reports;

/** Adds up again the days of seats in a table of the transaction, `pg_temp.changes`. Of other reports there are no sums. */
export async function refoldChanged(session: Session, client: string, name: ReportName): Promise<void> {
  if (!isFunnel(name)) return;
  const touched = "(buyer_id, date) in (select buyer_id, date from pg_temp.changes)";
  await refold(session, client, { name, among: touched });
}

/** Adds up all days of a client again. */
export async function refoldFunnels(session: Session, client: string): Promise<void> {
  for (const name of Object.keys(reports) as FunnelReport[]) await refold(session, client, { name, among: "true" });
}

async function refold(
  session: Session,
  client: string,
  { name, among }: { name: FunnelReport; among: string },
): Promise<void> {
  const { table, counts } = reportKinds[name];
  const hasPublishers = name === "funnel_by_publisher";
  await session.query(`delete from rtb.funnel_sums where _client_id = $1 and report = $2 and ${among}`, [
    client,
    reports[name],
  ]);
  // A sum is unknown unless all its rows say it.
  const sums = counts.map((count) => `case when count(${count}) = count(*) then sum(${count})::bigint end`);
  await session.query(
    `insert into rtb.funnel_sums (_client_id, buyer_id, date, report, "by", value, name, ${counts.join(", ")})
     select $1, buyer_id, date, $2,
            case when grouping(geography) = 0 then 'country' when grouping(hour) = 0 then 'hour' else 'publisher' end,
            case when grouping(geography) = 0 then geography when grouping(hour) = 0 then hour::text ${hasPublishers ? "else publisher_id" : ""} end,
            ${hasPublishers ? "case when grouping(publisher_id) = 0 then max(publisher_name) end" : "null"}, ${sums.join(", ")}
       from ${table} where _client_id = $1 and ${among}
      group by grouping sets ((buyer_id, date, geography), (buyer_id, date, hour)${hasPublishers ? ", (buyer_id, date, publisher_id)" : ""})`,
    [client, reports[name]],
  );
}
