const shared = {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/.signal-room/"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2022", parser: { syntax: "typescript" } }, module: { type: "es6" } },
    ],
  },
};

/** Three rings: what needs nothing, what needs Postgres, what needs Temporal too. A ring whose server cannot start fails. */
export default {
  maxWorkers: 2,
  // No test is about time: a busy machine may take its own.
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      displayName: "unit",
      testMatch: ["**/*.test.ts"],
      testPathIgnorePatterns: ["/node_modules/", "/dist/", "\\.db\\.test\\.ts$", "\\.flow\\.test\\.ts$"],
    },
    {
      ...shared,
      displayName: "db",
      testMatch: ["**/*.db.test.ts"],
      globalSetup: "<rootDir>/test/start-postgres.ts",
      globalTeardown: "<rootDir>/test/stop-servers.ts",
    },
    {
      ...shared,
      displayName: "flow",
      testMatch: ["**/*.flow.test.ts"],
      globalSetup: "<rootDir>/test/start-servers.ts",
      globalTeardown: "<rootDir>/test/stop-servers.ts",
    },
  ],
};
