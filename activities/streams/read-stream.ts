import type { DeclaredStream } from "../../settings/streams.ts";
import { mappingNamed } from "../files/mapping.ts";
import { withoutEvent } from "../files/messages-apart.ts";
import { invalidInput } from "../shared/failures.ts";
import type { ReadStream, StreamContext } from "./shapes.ts";

/** A topic with its mapping, or what is wrong between the two. */
export async function readStream(
  { config }: Pick<StreamContext, "config">,
  stream: DeclaredStream,
): Promise<ReadStream> {
  const { client, name, combine, eventId } = stream;
  const { mapping, reference, content } = await mappingNamed(config, { client, mapping: stream.mapping });
  const { kind = "performance" } = mapping;
  if (kind !== "performance") throw invalidInput(`${name}: the mapping ${mapping.name} is not of ad performance`);
  if (combine === "replace" && mapping.combine === "sum")
    throw invalidInput(
      `${name}: the mapping ${mapping.name} adds lines of one key, and the stream says that the last message counts: declare "combine": "add", or a mapping of rows that are whole`,
    );
  if (eventId === null) return { ...stream, reading: { mapping, reference, content } };
  if (Object.values(mapping.columns).some((headers) => headers.includes(eventId)))
    throw invalidInput(`${name}: ${eventId} is a column of the mapping ${mapping.name}, and no id of events`);
  return { ...stream, reading: { mapping: withoutEvent(mapping, eventId), reference, content } };
}
