import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { expect, jest, test } from "@jest/globals";
import { waitForExit } from "../scripts/embedded/process.ts";
import { projectRoot } from "../settings/environment.ts";

jest.setTimeout(60_000);

test.each([
  ["jest", "const { folder } = await prepareFolder()", "test/servers.ts", "prepareFolder"],
  ["a drill", "const folder = await makeBenchFolder()", "bench/stack.ts", "makeBenchFolder"],
])("when %s is killed, its servers and their data go too", async (_who, makeFolder, file, name) => {
  const root = projectRoot();
  const code = `
    const { ${name} } = await import(${JSON.stringify(path.join(root, file))});
    const { startPostgres } = await import(${JSON.stringify(path.join(root, "scripts/embedded/postgres.ts"))});
    const { freePort } = await import(${JSON.stringify(path.join(root, "scripts/embedded/process.ts"))});
    ${makeFolder};
    const options = { dataDir: folder + "/postgres", port: await freePort(), database: "x", fast: true };
    console.log(JSON.stringify({ folder, pid: (await startPostgres(options)).pid }));
    setInterval(() => {}, 1000);`;
  const args = ["--import", path.join(root, "test/register-typescript.js"), "--input-type=module", "-e", code];
  const parent = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const { folder, pid } = JSON.parse(line.toString()) as { folder: string; pid: number };
    parent.kill("SIGKILL");
    expect(await waitForExit(pid, 5_000)).toBe(true);
    for (let waited = 0; existsSync(folder) && waited < 5_000; waited += 50)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(existsSync(folder)).toBe(false);
  } finally {
    parent.kill("SIGKILL");
  }
});
