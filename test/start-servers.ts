import { startTestPostgres, startTestTemporal } from "./servers.ts";

export default async function startServers(): Promise<void> {
  await Promise.all([startTestPostgres(), startTestTemporal()]);
}
