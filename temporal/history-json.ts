import { createRequire } from "node:module";
import protos from "@temporalio/proto";

export type History = protos.temporal.api.history.v1.IHistory;

/**
 * The JSON of the UI's download and of `temporal workflow show`. The SDK's own `historyToJSON` fails wherever npm
 * installs more than one protobufjs ("type must be a Type"): its types have to come from the copy they were made with.
 */
interface ProtoJson {
  toJson: (type: unknown, message: unknown) => object;
  fromJson: (type: unknown, json: unknown, options: { ignoreUnknownFields: boolean }) => History;
}

const here = createRequire(import.meta.url);
const { toJson, fromJson } = createRequire(here.resolve("@temporalio/proto"))("protobufjs/ext/protojson") as ProtoJson;
const historyType = (protos as unknown as { lookupType: (name: string) => unknown }).lookupType(
  "temporal.api.history.v1.History",
);

export function historyToJson(history: History): object {
  return toJson(historyType, protos.temporal.api.history.v1.History.fromObject(history));
}

/** Fields of a newer server are left out. */
export function historyFromJson(json: unknown): History {
  return fromJson(historyType, json, { ignoreUnknownFields: true });
}
