import { shared } from "../jest.config.js";

/** What runs outside of Node: clients in other languages against the real server, `npm run test:outside`. Needs python3. */
export default {
  ...shared,
  rootDir: "..",
  maxWorkers: 1,
  testTimeout: 60_000,
  testMatch: ["**/*.outside.test.ts"],
  globalSetup: "<rootDir>/test/start-postgres.ts",
  globalTeardown: "<rootDir>/test/stop-servers.ts",
};
