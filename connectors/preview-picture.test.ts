import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../sandbox/server.ts";
import { hostilePictures } from "../sandbox/vendors/images.ts";
import { fetchPicture, type PictureOptions } from "./preview-picture.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const turns = { begun: 0, waits: [] as (number | null)[] };
const options = (given: Partial<PictureOptions> = {}): PictureOptions => ({
  maxBytes: 1_048_576,
  mockUrl: `${sandbox.url}/images`,
  beforeRequest: () => {
    turns.begun += 1;
    return Promise.resolve(({ waitMs }) => Promise.resolve(void turns.waits.push(waitMs)));
  },
  ...given,
});

describe("from the mock of all image hosts", () => {
  test("a picture is fetched as it is, also where its host leads to another place, and each request waits for its turn", async () => {
    turns.begun = 0;
    const found = await fetchPicture("https://cdn.example/moved/n/1.jpg", options());
    expect(found).toMatchObject({ type: "image/png", width: 600, height: 314 });
    expect(turns.begun).toBe(2);
    const direct = await fetchPicture("https://cdn.example/n/1.jpg", options());
    expect("bytes" in found && "bytes" in direct && found.bytes.equals(direct.bytes)).toBe(true);
  });

  const reasons: Record<string, string> = {
    "page.jpg": "a page",
    "script.jpg": "SVG",
    "gone.jpg": "answered 404",
    "inside.jpg": "leads elsewhere, and the address leads into a network that is not public",
    "metadata.jpg": "leads elsewhere, and the address leads into a network that is not public",
    "circle.jpg": "more than 3 times",
    "large.jpg": "longer than 1048576 bytes",
    "endless.jpg": "longer than 1048576 bytes",
    "packed.jpg": "longer than 1048576 bytes",
    "bomb.png": "60000x60000",
    "away.jpg": "unavailable",
  };
  test.each(hostilePictures.map((name) => [name]))("hostile/%s is no picture", async (name) => {
    const asked = fetchPicture(`https://cdn.example/hostile/${name}`, options());
    if (reasons[name] === "unavailable") await expect(asked).rejects.toMatchObject({ kind: "unavailable" });
    else await expect(asked).resolves.toEqual({ refused: expect.stringContaining(reasons[name] ?? "no reason") });
  });
});

describe("in the world", () => {
  let server: Server;
  let answer: RequestListener = (_request, response) => response.end();
  const visits: (string | undefined)[] = [];
  let port = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      visits.push(`${request.headers.cookie ?? "no cookie"}, ${request.headers.referer ?? "no referrer"}`);
      answer(request, response);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  /** Every name leads to our own server, by way of port 80's guard: the connection is made where the look-up says. */
  const lookup: LookupFunction = (_host, { all }, done) =>
    all === true ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
  const fromWorld = (given: Partial<PictureOptions> = {}) =>
    fetchPicture("http://cdn.example/a.png", options({ mockUrl: null, guard: { lookup }, ...given }));

  test("a name that leads inside is not connected to", async () => {
    visits.length = 0;
    await expect(fromWorld()).resolves.toEqual({ refused: "the address leads into a network that is not public" });
    expect(visits).toEqual([]);
  });

  test("a host that drips is given up after the time, and one that breaks off is tried another day", async () => {
    answer = (_request, response) => {
      response.writeHead(200, { "content-type": "image/png" });
      const drip = setInterval(() => response.write("."), 20);
      response.on("close", () => clearInterval(drip));
    };
    const mockUrl = `http://127.0.0.1:${port}`;
    await expect(fromWorld({ mockUrl, guard: { timeoutMs: 300 } })).rejects.toMatchObject({ kind: "unavailable" });
    answer = (_request, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write(Buffer.from([0x89]));
      setTimeout(() => response.destroy(), 20);
    };
    await expect(fromWorld({ mockUrl })).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("a host that says when to come back is not asked before, and nobody is told who asks", async () => {
    visits.length = 0;
    turns.waits.length = 0;
    answer = (_request, response) => response.writeHead(429, { "retry-after": "7" }).end();
    await expect(fromWorld({ mockUrl: `http://127.0.0.1:${port}` })).rejects.toMatchObject({ kind: "rate_limited" });
    expect(turns.waits).toEqual([7_000]);
    expect(visits).toEqual(["no cookie, no referrer"]);
  });
});
