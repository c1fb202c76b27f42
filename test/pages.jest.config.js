import { shared } from "../jest.config.js";

/** Pages in a browser, on one whole stack as `npm start` runs it, with the demo's data: `npm run test:pages`. */
export default {
  ...shared,
  rootDir: "..",
  maxWorkers: 1,
  testTimeout: 60_000,
  testMatch: ["**/*.page.test.ts"],
  globalSetup: "<rootDir>/test/start-stack.ts",
  globalTeardown: "<rootDir>/test/stop-stack.ts",
};
