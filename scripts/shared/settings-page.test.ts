import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "@jest/globals";
import { z } from "zod";
import { readApiSettings } from "../../api/server/settings.ts";
import { feeds, vendors } from "../../connectors/registry.ts";
import { about } from "../../core/about-setting.ts";
import { vendorNames } from "../../sandbox/find-vendors.ts";
import { ConfigError, loadConfig } from "../../settings/config.ts";
import { projectRoot } from "../../settings/environment.ts";
import { describeArea, describeSettings, listSettings, type DescribedSetting } from "./settings-page.ts";

const root = projectRoot();
const inRoot = (file: string) => readFile(path.join(root, file), "utf8");

let settings: DescribedSetting[];
let page: string;
beforeAll(async () => {
  settings = listSettings(vendorNames());
  page = await inRoot("docs/settings.md");
});

/** Which settings a process reads when none is set. */
function readBy(read: (env: Record<string, string>) => unknown): string[] {
  const names = new Set<string>();
  const env = new Proxy<Record<string, string>>(
    {},
    {
      get(_, name) {
        names.add(String(name));
        return undefined;
      },
    },
  );
  try {
    read(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
  return [...names].filter((name) => !name.endsWith("_713"));
}

const linesOf = (name: string) => page.split(`\n| \`${name}\` |`).length - 1;

test("docs/settings.md says what the shapes say (else: npm run settings-page -- --write)", () => {
  expect(page).toBe(describeSettings(settings));
});

test("each setting that is read stands on the page exactly once, with a sentence and who needs it", () => {
  const read = [...new Set([...readBy((env) => loadConfig(env, vendors, feeds)), ...readBy(readApiSettings)])];
  expect(read.length).toBeGreaterThan(130);
  expect(read.filter((name) => linesOf(name) !== 1)).toEqual([]);
  for (const { name, about: said } of settings) {
    expect([name, said.description]).toEqual([name, expect.stringMatching(/^\S.{6,}\.$/)]);
    expect([name, said.needs]).toEqual([name, expect.stringMatching(/./)]);
  }
});

test("what code takes from the environment by name, and what Compose asks for, stands there too", async () => {
  const files = execFileSync("git", ["ls-files", "*.ts", "*.mjs"], { cwd: root }).toString().trim().split("\n");
  const production = files.filter(
    (file) => /^(api|web|workers|sandbox|scripts|settings|temporal)\//.test(file) && !file.endsWith(".test.ts"),
  );
  const texts = await Promise.all(production.map(inRoot));
  const named = texts.flatMap((text) =>
    [...text.matchAll(/\b(?:env|given|set|stack)\["([A-Z][A-Z0-9_]+)"\]/g)].map(([, name = ""]) => name),
  );
  const compose = [...(await inRoot("docker-compose.yml")).matchAll(/\$\{([A-Z][A-Z0-9_]*)/g)].map(
    ([, name = ""]) => name,
  );
  expect(named.length).toBeGreaterThan(20);
  expect(compose).toContain("POSTGRES_PASSWORD");
  // The system's own.
  const foreign = ["HOME", "PATH", "LOCALAPPDATA", "VISUAL", "EDITOR"];
  expect([...new Set([...named, ...compose])].filter((name) => !foreign.includes(name) && linesOf(name) !== 1)).toEqual(
    [],
  );
});

test(".env.example has only the few that most people need, each of them a setting, none for tests", async () => {
  const named = [...(await inRoot(".env.example")).matchAll(/^#? ?([A-Z][A-Z0-9_]+)=(.*)$/gm)];
  expect(named.length).toBeGreaterThan(9);
  expect(named.length).toBeLessThan(20);
  expect(new Set(named.map(([, name]) => name)).size).toBe(named.length);
  for (const [, name = "", value = ""] of named) {
    const setting = settings.find((one) => one.name === name);
    expect([name, setting?.about.forTests ?? false]).toEqual([name, false]);
    expect([name, setting === undefined]).toEqual([name, false]);
    expect([name, value]).toEqual([name, setting?.standard ?? setting?.about.example ?? ""]);
  }
});

test("a setting without a word beside its shape is named, and one with words is a line", () => {
  const shape = { NEW_PORT: z.coerce.number().default(7) };
  const area = (of: z.ZodRawShape) => ({ title: "New", needs: "worker", shape: z.object(of) });
  expect(() => describeArea(area(shape))).toThrow("NEW_PORT is described nowhere");
  const described = { NEW_PORT: shape.NEW_PORT.meta(about("The port of what is new.", { unit: "port" })) };
  expect(describeSettings(describeArea(area(described)))).toContain(
    "| `NEW_PORT` | `7` | port | worker |  | The port of what is new. |",
  );
});

test("no value of a secret can be a default, and what only the sandbox reads comes last", () => {
  expect(settings.filter(({ about: said, standard }) => said.secret === true && standard !== null)).toEqual([]);
  const last = page.slice(page.indexOf("\n## For the sandbox and tests"));
  for (const { name, about: said } of settings)
    expect([name, last.includes(`| \`${name}\` |`)]).toEqual([name, said.forTests === true]);
});
