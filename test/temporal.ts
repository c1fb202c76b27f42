import { randomBytes } from "node:crypto";
import { Client, Connection } from "@temporalio/client";
import { msToTs } from "@temporalio/common/lib/time.js";
import { NativeConnection } from "@temporalio/worker";
import { registerSearchAttributes } from "../temporal/search-attributes.ts";

export interface TestTemporal {
  address: string;
  namespace: string;
  client: Client;
  connection: Connection;
  /** What a Worker connects with; opened when first asked for. */
  nativeConnection(): Promise<NativeConnection>;
  /** Closes the connections. Workers must have ended before. */
  close(): Promise<void>;
}

/** A namespace of this test file's own, so that ids, queues and visibility queries are those of production. It costs about 50 ms. */
export async function testTemporal(): Promise<TestTemporal> {
  const address = process.env["TEST_TEMPORAL_ADDRESS"];
  if (!address) throw new Error("TEST_TEMPORAL_ADDRESS is not set: is this test named *.flow.test.ts?");
  const namespace = `test-${randomBytes(6).toString("hex")}`;
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs("1 day"),
  });
  await registerSearchAttributes(connection, namespace);
  let native: Promise<NativeConnection> | undefined;
  return {
    address,
    namespace,
    client: new Client({ connection, namespace }),
    connection,
    nativeConnection: () => (native ??= NativeConnection.connect({ address })),
    close: async () => {
      await (await native)?.close();
      await connection.close();
    },
  };
}
