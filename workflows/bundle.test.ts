import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { builtinModules } from "node:module";
import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import { bundleWorkflowCode, DefaultLogger } from "@temporalio/worker";

jest.setTimeout(60_000);

let code: string;
let modules: string[];
beforeAll(async () => {
  ({ code } = await bundleWorkflowCode({
    workflowsPath: path.join(import.meta.dirname, "index.ts"),
    logger: new DefaultLogger("WARN"),
  }));
  // Each module of the bundle is a function under its path.
  modules = [...code.matchAll(/^\/\*\*\*\/ "([^"\n]+)"$/gm)].map(([, name]) => name ?? "");
});

/** The rooms of ours that came along, file by file. */
const ours = () => modules.filter((name) => !name.includes("node_modules") && /\.ts$/.test(name));

describe("the workflow bundle", () => {
  test("holds workflows, Temporal's own code, and nothing else of ours", () => {
    expect(ours().length).toBeGreaterThan(4);
    expect(ours().filter((name) => !/(^\.\/|\/)workflows\/[a-z/-]+\.ts$/.test(name))).toEqual([]);
  });

  test("holds no package that talks to a database, the network or a disk", () => {
    const packages = new Set(modules.flatMap((name) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? []));
    expect(
      [...packages].filter(
        (name) =>
          !/^(@temporalio\/(common|workflow|proto|worker)|@protobufjs\/.*|protobufjs|long|nexus-rpc|ms|proto3-json-serializer|uuid)$/.test(
            name,
          ),
      ),
    ).toEqual([]);
    expect(packages).toContain("@temporalio/workflow");
  });

  test("asks for no module of Node", () => {
    const asked = modules.filter(
      (name) => /^(external )?"?(node:)/.test(name) || builtinModules.includes(name.replace(/^external "?|"$/g, "")),
    );
    expect(asked).toEqual([]);
    expect(code).not.toMatch(/require\("node:/);
  });

  test("exports every workflow there is, by the name it is started with", async () => {
    const files = (await readdir(import.meta.dirname, { recursive: true })).filter((file) =>
      /^[a-z]+\/[a-z-]+\.ts$/.test(file),
    );
    const index = await readFile(path.join(import.meta.dirname, "index.ts"), "utf8");
    const named = [...index.matchAll(/export \{ (\w+) \} from "\.\/([a-z/-]+\.ts)";/g)];
    expect(named.length).toBeGreaterThan(3);
    for (const [, name, file] of named) {
      expect(files).toContain(file);
      // sync-slice.ts holds syncSlice; a file may hold close relatives besides.
      const own = file?.replace(/^.*\/|\.ts$/g, "").replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
      expect(named.filter(([, , other]) => other === file).map(([, other]) => other)).toContain(own);
      expect(name).toMatch(/^[a-z][A-Za-z]+$/);
    }
  });
});
