import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import { open } from "../../api/server/access.ts";
import { notFound } from "../../api/server/errors.ts";
import type { Api } from "../../api/server/parts.ts";

const own = new URL("../assets/", import.meta.url);
const types: Record<string, string> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** The address of a script or style. Its content is part of the name, so a browser may keep it for ever. */
export type Assets = (name: string) => string;

interface Asset {
  type: string;
  plain: Buffer;
  br: Buffer;
  gzip: Buffer;
}

/** Few and small: read and compressed once, at the start. */
export async function serveAssets(api: Api): Promise<Assets> {
  const names = new Map<string, string>();
  const served = new Map<string, Asset>();
  for (const { name, plain } of await readAssets()) {
    const [, base = name, ending = ""] = /^(.+)\.(\w+)$/.exec(name) ?? [];
    const hashed = `${base}.${createHash("sha256").update(plain).digest("hex").slice(0, 12)}.${ending}`;
    names.set(name, `/assets/${hashed}`);
    const [br, zipped] = await Promise.all([promisify(brotliCompress)(plain), promisify(gzip)(plain)]);
    served.set(hashed, { type: types[ending] ?? "application/octet-stream", plain, br, gzip: zipped });
  }

  api.get<{ Params: { name: string } }>(
    "/assets/:name",
    { config: { ...open, rateLimit: false }, schema: { hide: true } },
    async (request, reply) => {
      const asset = served.get(request.params.name);
      if (asset === undefined) throw notFound("file");
      const accepted = String(request.headers["accept-encoding"] ?? "");
      const coding = /\bbr\b/.test(accepted) ? "br" : /\bgzip\b/.test(accepted) ? "gzip" : null;
      if (coding !== null) reply.header("content-encoding", coding);
      return reply
        .header("vary", "accept-encoding")
        .header("cache-control", "public, max-age=31536000, immutable")
        .type(asset.type)
        .send(coding === null ? asset.plain : asset[coding]);
    },
  );

  return (name) => {
    const address = names.get(name);
    if (address === undefined) throw new Error(`web/assets/ has no ${name}`);
    return address;
  };
}

async function readAssets(): Promise<{ name: string; plain: Buffer }[]> {
  const files = (await readdir(own)).filter((name) => /\.(css|js|svg)$/.test(name) && !/\.test\./.test(name));
  const [script, style] = await readPlot();
  return [
    { name: "uplot.js", plain: script },
    ...(await Promise.all(
      files.map(async (name) => {
        const plain = await readFile(new URL(name, own));
        return { name, plain: name === "style.css" ? Buffer.concat([plain, style]) : plain };
      }),
    )),
  ];
}

/** uPlot as it is published: a script that declares one name, and a few lines of style. */
async function readPlot(): Promise<[script: Buffer, style: Buffer]> {
  const { resolve } = createRequire(import.meta.url);
  const [script, style] = await Promise.all(
    ["iife.min.js", "min.css"].map((ending) => readFile(resolve(`uplot/dist/uPlot.${ending}`))),
  );
  if (script === undefined || style === undefined) throw new Error("uPlot is not installed");
  // In a module its name is nobody else's.
  return [Buffer.concat([script, Buffer.from("\nglobalThis.uPlot = uPlot;\n")]), style];
}
