import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { z } from "zod";
import { sources, vendors } from "../connectors/registry.ts";
import { personDestinations } from "../rules/conversions/person-destinations.ts";
import { loadConfig } from "./config.ts";
import { projectRoot } from "./environment.ts";

const read = (file: string) => readFileSync(path.join(projectRoot(), file), "utf8");
const text = read("docker-compose.yml");

/** What of a Compose file is used here: anything else, and anything misspelt, is refused. */
const service = z.strictObject({
  image: z.string(),
  build: z.string().optional(),
  command: z.array(z.string()).optional(),
  init: z.boolean().optional(),
  restart: z.enum(["no", "on-failure", "unless-stopped"]),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()),
  tmpfs: z.array(z.string()).optional(),
  shm_size: z.string().optional(),
  stop_grace_period: z.string().optional(),
  profiles: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  ports: z.array(z.string()).optional(),
  env_file: z.array(z.strictObject({ path: z.string(), required: z.boolean() })).optional(),
  environment: z.record(z.string(), z.string().nullable()).optional(),
  depends_on: z
    .union([
      z.array(z.string()),
      z.record(
        z.string(),
        z.strictObject({ condition: z.enum(["service_healthy", "service_completed_successfully"]) }),
      ),
    ])
    .optional(),
  healthcheck: z
    .strictObject({
      test: z.tuple([z.literal("CMD")], z.string()),
      interval: z.string(),
      timeout: z.string(),
      retries: z.number(),
      start_period: z.string().optional(),
    })
    .optional(),
});
const document = z
  .looseObject({
    name: z.string(),
    services: z.record(z.string(), service),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(text, { merge: true }));
const { services } = document;
const environmentOf = (name: string) => services[name]?.environment ?? {};
const named = (pattern: RegExp) =>
  Object.keys(services).filter((name) =>
    Object.entries(environmentOf(name)).some(([setting, value]) => pattern.test(`${setting}=${value ?? ""}`)),
  );

/** Who needs each setting, as the page of settings says. */
const needs = new Map(
  [...read("docs/settings.md").matchAll(/^\| `(\w+)` \|[^|]*\|[^|]*\|([^|]*)\|/gm)].map(([, name = "", who = ""]) => [
    name,
    who.split(",").map((part) => part.trim()),
  ]),
);

const shared = ["NODE_ENV", "LOG_LEVEL", "CLIENTS", "TASK_QUEUE_PREFIX", "SEARCH_ATTRIBUTES"];
const temporal = [
  "TEMPORAL_ADDRESS",
  "TEMPORAL_NAMESPACE",
  "PAYLOAD_ENCRYPTION_KEY",
  "PAYLOAD_ENCRYPTION_KEY_PREVIOUS",
];
// Both seal what comes in (evidence, tokens, persons), and read again what was sealed.
const sealing = [
  "CREDENTIALS_ENCRYPTION_KEY",
  "CREDENTIALS_ENCRYPTION_KEY_PREVIOUS",
  "CREDENTIALS_HASHING_KEY",
  "IDENTITY_ENCRYPTION_KEY",
  "IDENTITY_ENCRYPTION_KEY_PREVIOUS",
];
const columns = [
  "CLICKHOUSE_URL",
  "CLICKHOUSE_USER",
  "CLICKHOUSE_PASSWORD",
  "CLICKHOUSE_DATABASE",
  "CLICKHOUSE_CLUSTER",
];
const tokens = ["API_JWT_SECRET", "API_JWT_SECRET_PREVIOUS"];

/** What each part of ours cannot do its work without, or has to agree on with another. */
const needed: Record<string, string[]> = {
  migrate: [...shared, "DATABASE_URL"],
  schedules: [...shared, ...temporal, "CLICKHOUSE_URL"],
  worker: [...shared, ...temporal, ...sealing, ...columns, "DATABASE_URL", "WORKER_METRICS_ADDRESS"],
  api: [...shared, ...temporal, ...sealing, ...columns, "DATABASE_URL", "API_HOST", ...tokens, "TEMPORAL_UI_URL"],
  sandbox: ["SANDBOX_HOST", "SANDBOX_TODAY"],
};

/** As Compose would, with every password set; what .env does not have is not set. */
function settingsOf(name: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environmentOf(name)).flatMap(([setting, value]) =>
      value === null
        ? []
        : [
            [
              setting,
              value.replace(
                /\$\{(\w+):\?[^}]*\}/g,
                (_, variable: string) => `${variable.toLowerCase()}${"x".repeat(32)}`,
              ),
            ],
          ],
    ),
  );
}

test("every image of ours gets the settings it needs by name, all of them known, and no whole .env", () => {
  const ours = Object.keys(services).filter((name) => services[name]?.image === "signal-room");
  expect(ours.sort()).toEqual(Object.keys(needed).sort());
  for (const name of ours) {
    expect([name, Object.keys(environmentOf(name)).sort()]).toEqual([name, [...(needed[name] ?? [])].sort()]);
    expect(Object.keys(environmentOf(name)).filter((setting) => !needs.has(setting))).toEqual([]);
  }
  const files = Object.fromEntries(
    Object.entries(services).map(([name, { env_file: given = [] }]) => [name, given.map((file) => file.path)]),
  );
  expect(Object.values(files).flat()).not.toContain(".env");
  expect(files).toMatchObject({ worker: ["worker.env"], schedules: ["worker.env"], api: ["api.env"], migrate: [] });
});

test("what a part gets is what the page of settings says it needs, and what Compose asks for stands there", () => {
  for (const [name, who] of [
    ["worker", "worker"],
    ["api", "API"],
  ] as const)
    for (const setting of Object.keys(environmentOf(name)))
      expect([setting, needs.get(setting)]).toEqual([setting, expect.arrayContaining([who])]);
  for (const [, setting = ""] of text.matchAll(/\$\{(\w+)/g))
    expect([setting, needs.get(setting)]).toEqual([setting, expect.arrayContaining(["Compose"])]);
});

test("each process starts with what it is given", () => {
  for (const name of ["migrate", "worker"]) expect(loadConfig(settingsOf(name), vendors, sources)).toBeDefined();
  expect(loadConfig(settingsOf("api"), personDestinations, []).api.jwtSecret).toContain("api_jwt_secret");
  // A command that needs no database does without its address.
  expect(settingsOf("schedules")["DATABASE_URL"]).toBeUndefined();
});

describe("logins", () => {
  test("the owner's is the migration's alone, the administrator's Postgres's alone, and nobody shares Temporal's", () => {
    expect(named(/POSTGRES_OWNER_PASSWORD/).sort()).toEqual(["migrate", "postgres"]);
    expect(named(/\{POSTGRES_PASSWORD/)).toEqual(["postgres"]);
    expect(named(/POSTGRES_TEMPORAL_PASSWORD/).sort()).toEqual(["postgres", "temporal"]);
    expect(named(/POSTGRES_WRITER_PASSWORD/).sort()).toEqual(["api", "postgres", "worker"]);
    for (const name of ["worker", "api"])
      expect(new URL(settingsOf(name)["DATABASE_URL"] ?? "").username).toBe("signal_room_app");
    expect(new URL(settingsOf("migrate")["DATABASE_URL"] ?? "").username).toBe("signal_room");
  });

  test("what signs tokens is the API's alone", () => {
    expect(named(/^API_JWT_SECRET/)).toEqual(["api"]);
  });

  test("there is no default password: each is asked for by its name, with what makes one", () => {
    const passwords = [...text.matchAll(/\$\{(POSTGRES_\w+|API_JWT_SECRET)([^}]*)\}/g)];
    expect(passwords.length).toBeGreaterThan(7);
    for (const [, name = "", rest = ""] of passwords) expect(rest).toMatch(new RegExp(`^:\\?set ${name} in \\.env, `));
    expect(text).not.toMatch(/PASSWORD: (?!\$\{)\S|:-[^}]*[Pp]ass/);
    // Grafana's own is admin/admin: it has no administrator here, and no way to log in.
    expect(environmentOf("grafana")).toMatchObject({
      GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: "true",
      GF_AUTH_DISABLE_LOGIN_FORM: "true",
      GF_AUTH_BASIC_ENABLED: "false",
    });
  });
});

test("what runs on is watched, cannot gain rights, and cannot write but where it has to", () => {
  for (const [name, given] of Object.entries(services)) {
    expect([name, given.security_opt]).toEqual([name, ["no-new-privileges:true"]]);
    if (given.restart === "unless-stopped") expect([name, given.healthcheck !== undefined]).toEqual([name, true]);
    // These two write their own configuration when they start.
    const mayWrite = ["temporal", "temporal-ui"].includes(name);
    expect([name, given.read_only === true]).toEqual([name, !mayWrite]);
    for (const port of given.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  }
});

test("what is waited for exists, and has a health check where its health is waited for", () => {
  for (const [name, { depends_on: awaited = {}, volumes = [] }] of Object.entries(services)) {
    const conditions = Array.isArray(awaited)
      ? awaited.map((other) => [other, null] as const)
      : Object.entries(awaited);
    for (const [other, wanted] of conditions) {
      expect([name, other, services[other] !== undefined]).toEqual([name, other, true]);
      if (wanted?.condition === "service_healthy") expect(services[other]?.healthcheck).toBeDefined();
      if (wanted?.condition === "service_completed_successfully")
        expect(services[other]?.restart).not.toBe("unless-stopped");
    }
    for (const [source = ""] of volumes.map((volume) => volume.split(":")))
      expect([
        source,
        source.startsWith("./") ? existsSync(path.join(projectRoot(), source)) : source in document.volumes,
      ]).toEqual([source, true]);
  }
});

test("the three nodes of ClickHouse are one cluster, each a keeper and a shard", () => {
  const cluster = parse(read("docker/clickhouse/cluster.yml"), { merge: true }) as {
    services: Record<string, { environment: Record<string, string>; volumes: string[] }>;
  };
  const nodes = Object.keys(cluster.services);
  expect(nodes).toEqual(["clickhouse-1", "clickhouse-2", "clickhouse-3"]);
  const config = read("docker/clickhouse/cluster.xml");
  for (const [at, node] of nodes.entries()) {
    expect(cluster.services[node]?.environment).toMatchObject({ NODE: String(at + 1) });
    expect(config.split(`<hostname>${node}</hostname>`)).toHaveLength(2);
    expect(config.split(`<host>${node}</host>`)).toHaveLength(2);
  }
  for (const { volumes } of Object.values(cluster.services))
    for (const volume of volumes.filter((one) => one.startsWith("./")))
      expect(existsSync(path.join(projectRoot(), "docker/clickhouse", volume.split(":")[0] ?? ""))).toBe(true);
});
