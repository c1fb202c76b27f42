import { dayMapping } from "../../connectors/warehouses/day-file.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { defaultLimits, FileRefused, readPerformanceFile } from "../../connectors/files/performance-file.ts";
import { originOf } from "../../core/origin.ts";
import { maskPersonal } from "../../core/personal.ts";
import { keepHeader } from "../../queries/files/file-header.ts";
import { recordIngested } from "../../queries/files/files.ts";
import { allowLongWork } from "../../queries/files/ingest.ts";
import { takeTurn } from "../../queries/files/merge-file.ts";
import type { MergedFile } from "../../queries/files/merge-shapes.ts";
import { quarantineRejected } from "../../queries/files/quarantined-lines.ts";
import { openStaging } from "../../queries/files/staging.ts";
import { storeOf } from "../../queries/files/stores.ts";
import { UnknownSeat } from "../../queries/rtb/seats.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import type { StagedDay } from "../../queries/warehouses/merge-day.ts";
import type { Session } from "../../schema/database.ts";
import { settingsOf } from "../files/input.ts";
import { readLineBasis } from "../files/line-basis.ts";
import { createQuarantine } from "../files/rejected-lines.ts";
import { cancellable } from "../files/store-file.ts";
import { runOf } from "../shared/run-of.ts";
import type { AskedDay } from "./ask-day.ts";
import type { AskedFor, WarehousesContext } from "./context.ts";

/** Checks the lines of a day as those of a file are checked, stages the good ones, and works with them in the session's transaction. */
export async function withStagedDay<Result>(
  context: WarehousesContext,
  session: Session,
  of: AskedFor & AskedDay,
  work: (staged: StagedDay) => Promise<Result>,
): Promise<Result> {
  await allowLongWork(session);
  return cancellable(context.database, session, of.signal, async () => {
    try {
      return await work(await stageDay(context, session, of));
    } catch (error) {
      throw error instanceof FileRefused || error instanceof UnknownSeat
        ? new ConnectorError("malformed", error.message)
        : error;
    }
  });
}

async function stageDay(context: WarehousesContext, session: Session, of: AskedFor & AskedDay): Promise<StagedDay> {
  const { config, redact } = context;
  const { warehouse, account, day, zone, file, signal } = of;
  const { client } = account;
  const settings = settingsOf(config, client);
  const startedAt = await databaseNow(session);
  const basis = await readLineBasis(session, { client, settings, mapping: dayMapping, at: startedAt, isOwners: true });
  const store = storeOf("performance");
  const staging = await openStaging(session, store.staged);
  const seal = quarantineSeal(config);
  const quarantined = createQuarantine(session, staging, seal);
  const { refuseAboveShare, refuseFromLines } = settings;
  const counts = await readPerformanceFile(file.read(signal), {
    ...basis,
    mapping: dayMapping,
    // A day that has begun where the warehouse is may not have begun where the client is.
    today: day > basis.today ? day : basis.today,
    limits: { ...defaultLimits, refuseAboveShare, refuseFromLines },
    signal,
    named: (creatives) => staging.name(creatives),
    accepted: (block) => staging.write(block),
    rejected: (lines) => quarantined.add(lines.map((line) => ({ ...line, reason: maskPersonal(redact(line.reason)) }))),
  });
  await quarantined.flush();
  await staging.end();
  const fileId = await takeTurn(session, client);
  const { version: mappingVersion, ...mappingContent } = dayMapping;
  const path = `${warehouse.name}/${day}`;
  const keep = async (merged: MergedFile) => {
    const run = runOf();
    if (counts.rejected > 0) {
      await quarantineRejected(session, { client, source: store.source, fileId, runId: run.runId });
      await keepHeader(
        session,
        { client, fileId },
        { seal, header: counts.headerText, delimiter: counts.delimiter, mapping: dayMapping.name, mappingContent },
      );
    }
    await recordIngested(
      session,
      {
        ...{ fileId, source: store.source, client, sha256: file.contentHash, mapping: dayMapping.name, mappingVersion },
        ...{ name: `${warehouse.name} ${day}`, place: "warehouse", path, bytes: file.bytes, optionsHash: "" },
        ...{ lines: counts.lines, preamble: 0, totals: 0, rejected: counts.rejected, startedAt },
        ...{ runId: run.runId, workflowId: run.workflowId, force: true },
      },
      { ...merged, origin: originOf(account) },
    );
  };
  return {
    slice: { client, source: warehouse.name, day, timezone: zone },
    owned: { client, source: warehouse.name, day, path },
    ...{ fileId, today: basis.today, createStubs: settings.createStubs, counts },
    ...{ pages: file.pages, contentHash: file.contentHash, keep },
  };
}
