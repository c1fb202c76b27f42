const swc = (parser) => ({
  jsc: { target: "es2022", parser, transform: { react: { runtime: "automatic", importSource: "preact" } } },
  module: { type: "es6" },
});

export const shared = {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts", ".tsx"],
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/.signal-room/"],
  transform: {
    "^.+\\.ts$": ["@swc/jest", swc({ syntax: "typescript" })],
    "^.+\\.tsx$": ["@swc/jest", swc({ syntax: "typescript", tsx: true })],
  },
};

/** Three rings: what needs nothing, what needs Postgres, what needs Temporal too. A ring whose server cannot start fails. */
export default {
  // One more than the cores of a small machine: much of a flow is waiting for Temporal.
  maxWorkers: 3,
  // What a test file has loaded is never let go of: a process that has run a hundred holds gigabytes, and slows down.
  workerIdleMemoryLimit: "1GB",
  // No test is about time: a busy machine may take its own.
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      displayName: "unit",
      testMatch: ["**/*.test.ts"],
      testPathIgnorePatterns: [
        "/node_modules/",
        "/dist/",
        "\\.page\\.test\\.ts$",
        "\\.outside\\.test\\.ts$",
        "\\.db\\.test\\.ts$",
        "\\.flow\\.test\\.ts$",
      ],
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
