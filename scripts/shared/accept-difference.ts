import { acceptableKinds, acceptDifference } from "../../queries/ops/accepted-alerts.ts";
import { inTransaction, type Database } from "../../schema/database.ts";
import { commandLineActor } from "./audit.ts";
import { CommandError, exitCodes, type Report } from "./command-line.ts";

/** A difference that stays, and that a person answers for: its alert is resolved, and comes back only with another amount. */
export async function acceptAlert(
  database: Database,
  accepted: { client: string; alertId: number; note: string },
): Promise<Report> {
  const alert = await inTransaction(database, (session) =>
    acceptDifference(session, { ...accepted, by: commandLineActor() }),
  );
  const { client, alertId, note } = accepted;
  if (alert === null)
    throw new CommandError(
      exitCodes.usage,
      `client ${client} has no open alert ${alertId} of ${acceptableKinds.join(" or ")}: npm run status lists the open ones`,
    );
  return {
    document: { client, alertId, subject: alert.subject, accepted: alert.details, note },
    lines: [`accepted, and remembered with these amounts: ${alert.message}`, "any other amount raises an alert again"],
  };
}
