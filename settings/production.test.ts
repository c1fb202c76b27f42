import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { projectRoot } from "./environment.ts";

const read = (file: string) => readFileSync(path.join(projectRoot(), file), "utf8");
/** The server that `npm run drill -- cluster` runs. */
const version = /serverVersion = "([\d.]+)"/.exec(read("bench/temporal-cluster/server-binaries.ts"))?.[1] ?? "";
const settings = new Set([...read("docs/settings.md").matchAll(/^\| `(\w+)` \|/gm)].map(([, name = ""]) => name));
/** How many of each there are, in every description of the shape. */
const shape = {
  api: 2,
  worker: 2,
  "temporal-frontend": 2,
  "temporal-history": 2,
  "temporal-matching": 2,
  "temporal-worker": 1,
};
const ofTemporal = (role: string) => `temporal-${role}`;

const service = z.looseObject({
  image: z.string().optional(),
  scale: z.int().optional(),
  restart: z.string().optional(),
  security_opt: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.string() })).optional(),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
});
const compose = (file: string) =>
  z
    .looseObject({ services: z.record(z.string(), service) })
    .parse(parse(read(file), { merge: true, logLevel: "error" })).services;

test("the cluster of Compose has two of what may end, and takes what it does not change from the plain file", () => {
  const plain = new Set(
    Object.keys((parse(read("docker-compose.yml"), { merge: true }) as { services: object }).services),
  );
  const services = compose("docker/temporal/cluster.yml");
  const counted = Object.entries(services).flatMap(([name, { scale, environment }]) => {
    const role = environment?.["TEMPORAL_SERVICES"];
    const counts = role !== undefined || name === "api" || name === "worker";
    return counts ? [[role === undefined ? name : ofTemporal(role), scale] as const] : [];
  });
  expect(Object.fromEntries(counted)).toEqual(shape);
  for (const [name, { image, restart, depends_on: awaited = {}, environment = {}, ...given }] of Object.entries(
    services,
  )) {
    if (image?.startsWith("temporalio/")) expect([name, image.split(":")[1]]).toEqual([name, version]);
    if (!plain.has(name) && image?.startsWith("signal-room") !== true)
      expect([name, given.security_opt, restart !== undefined]).toEqual([name, ["no-new-privileges:true"], true]);
    for (const other of Object.keys(awaited))
      expect([name, other, other in services || plain.has(other)]).toEqual([name, other, true]);
    if (name === "api" || name.startsWith("worker")) {
      expect(Object.keys(environment).filter((setting) => !settings.has(setting))).toEqual([]);
      expect(environment).toMatchObject({ DATABASE_POOL_MODE: "transaction" });
      expect(environment["DATABASE_URL"]).toContain("@pgbouncer:6432/");
    }
  }
});

const manifest = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).optional() }),
  spec: z.looseObject({ replicas: z.int().optional() }).optional(),
});
const kustomization = z.looseObject({ kind: z.literal("Kustomization"), resources: z.array(z.string()).default([]) });

/** Every file that a folder's kustomization leads to. */
function manifestsIn(folder: string): string[] {
  const listed = kustomization.parse(parse(read(path.join(folder, "kustomization.yaml")))).resources;
  const files = listed.map((name) => path.join(folder, name));
  for (const file of files) expect([file, existsSync(path.join(projectRoot(), file))]).toEqual([file, true]);
  return files.flatMap((file) => (file.endsWith(".yaml") ? [file] : manifestsIn(file)));
}

test("Kubernetes gets the same shape, of every file that lies there, with the same server", () => {
  const files = manifestsIn("kubernetes");
  const lying = readdirSync(path.join(projectRoot(), "kubernetes"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml") && !file.endsWith("kustomization.yaml"))
    .map((file) => path.join("kubernetes", file));
  expect(files.filter((file) => file.startsWith("kubernetes/")).sort()).toEqual(lying.sort());
  const texts = files.map(read);
  const found = texts.flatMap((text) => parseAllDocuments(text).map((document) => manifest.parse(document.toJS())));
  const replicas = Object.fromEntries(
    found.filter(({ kind }) => kind === "Deployment").map(({ metadata, spec }) => [metadata.name, spec?.replicas]),
  );
  expect(replicas).toEqual({ ...shape, pgbouncer: 2 });
  for (const text of texts) {
    for (const [, tag] of text.matchAll(/image: temporalio\/[a-z-]+:(\S+)/g)) expect(tag).toBe(version);
    for (const [container] of text.matchAll(/image: [\s\S]*?(?=image: |$)/g))
      expect(container).toContain("allowPrivilegeEscalation: false");
  }
});

test("what was never run says so", () => {
  for (const file of ["docker/temporal/cluster.yml", "kubernetes/kustomization.yaml"])
    expect(read(file)).toContain("NOT RUN");
});
