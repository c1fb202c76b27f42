import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";

/** What a person wants to know of a schedule; null when Temporal has none of that id. */
export interface DescribedSchedule {
  isPaused: boolean;
  note: string | null;
  nextRuns: Date[];
}

const method = "/temporal.api.workflowservice.v1.WorkflowService/DescribeSchedule";
const deadlineMs = 5_000;

/**
 * Asks for schedules over plain gRPC. Half of what a short command takes is to load the SDK's client, which builds a class
 * for each of Temporal's messages; these are two, and of the answer three fields are read.
 */
export async function describeSchedules(
  of: { address: string; namespace: string },
  scheduleIds: readonly string[],
): Promise<(DescribedSchedule | null)[]> {
  const client = new Client(of.address, credentials.createInsecure());
  try {
    return await Promise.all(scheduleIds.map((scheduleId) => describe(client, { ...of, scheduleId })));
  } finally {
    client.close();
  }
}

function describe(
  client: Client,
  { namespace, scheduleId }: { namespace: string; scheduleId: string },
): Promise<DescribedSchedule | null> {
  return new Promise((resolve, reject) => {
    const done = (error: ServiceError | null, found?: DescribedSchedule) => {
      if (error === null && found !== undefined) resolve(found);
      else if (error?.code === status.NOT_FOUND) resolve(null);
      else reject(error ?? new Error("Temporal answered nothing"));
    };
    const request = Buffer.concat([writeText(1, namespace), writeText(2, scheduleId)]);
    client.makeUnaryRequest(
      method,
      (bytes: Buffer) => bytes,
      readDescribedSchedule,
      request,
      new Metadata(),
      { deadline: Date.now() + deadlineMs },
      done,
    );
  });
}

/** Of DescribeScheduleResponse: `schedule.state` (1, 4) with notes and paused, `info.future_action_times` (2, 5). */
export function readDescribedSchedule(bytes: Uint8Array): DescribedSchedule {
  const answer = readFields(bytes);
  const state = readFields(last(readFields(last(answer, 1)), 4));
  const times = readFields(last(answer, 2)).flatMap(({ field, value }) =>
    field === 5 && typeof value === "object" ? [value] : [],
  );
  const note = Buffer.from(last(state, 1)).toString("utf8");
  return {
    isPaused: state.some(({ field, value }) => field === 2 && value === 1n),
    note: note === "" ? null : note,
    nextRuns: times.map((time) => readTimestamp(readFields(time))),
  };
}

function readTimestamp(fields: Field[]): Date {
  const number = (wanted: number) => {
    const value = fields.findLast(({ field }) => field === wanted)?.value;
    return typeof value === "bigint" ? Number(value) : 0;
  };
  return new Date(number(1) * 1_000 + Math.floor(number(2) / 1_000_000));
}

interface Field {
  field: number;
  value: bigint | Uint8Array;
}

/** The last of a message's fields of that number, as the format wants; an absent message is an empty one. */
function last(fields: Field[], wanted: number): Uint8Array {
  const value = fields.findLast(({ field }) => field === wanted)?.value;
  return typeof value === "object" ? value : new Uint8Array();
}

/** The fields of a message in the wire format of Protocol Buffers. */
function readFields(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const readVarint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("Temporal's answer is cut short");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number) => {
    const part = bytes.subarray(at, at + length);
    if (part.length < length) throw new Error("Temporal's answer is cut short");
    at += length;
    return part;
  };
  while (at < bytes.length) {
    const tag = Number(readVarint());
    const field = tag >> 3;
    const kind = tag & 7;
    if (kind === 0) fields.push({ field, value: readVarint() });
    else if (kind === 2) fields.push({ field, value: take(Number(readVarint())) });
    else if (kind === 1 || kind === 5) take(kind === 1 ? 8 : 4);
    else throw new Error(`Temporal's answer has a field of an unknown kind (${kind})`);
  }
  return fields;
}

function writeText(field: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  for (let left = bytes.length; ; left >>>= 7) {
    length.push(left < 0x80 ? left : (left & 0x7f) | 0x80);
    if (left < 0x80) break;
  }
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), bytes]);
}
