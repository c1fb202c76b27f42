import { makePicture } from "../data/made-picture.ts";
import { json, type Vendor, type VendorAnswer, type VendorRequest } from "../vendor.ts";

/** What image hosts answer that is no picture, by the name of the file in /hostile/. */
const hostile: Record<string, (url: URL) => VendorAnswer> = {
  "page.jpg": () => picture("<!DOCTYPE html><html><script>alert(1)</script></html>"),
  "script.jpg": () =>
    picture('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'),
  "gone.jpg": () => json(404, { error: "not found" }),
  "inside.jpg": () => redirect("http://127.0.0.1:80/admin"),
  "metadata.jpg": () => redirect("http://169.254.169.254/latest/meta-data/iam/security-credentials/"),
  "circle.jpg": ({ pathname }) => redirect(`https://${pathname.slice(1)}`),
  "large.jpg": () => ({ ...picture(""), pace: { kind: "generated", megabytes: 20, gzip: false } }),
  "endless.jpg": () => ({ ...picture(""), pace: { kind: "generated", megabytes: 1_000_000, gzip: false } }),
  /** Twenty megabytes in twenty thousand bytes. */
  "packed.jpg": () => ({ ...picture(""), pace: { kind: "generated", megabytes: 20, gzip: true } }),
  /** A header that asks a browser for fourteen gigabytes. */
  "bomb.png": () => {
    const bytes = makePicture("bomb", { width: 8, height: 8 });
    bytes.writeUInt32BE(60_000, 16);
    bytes.writeUInt32BE(60_000, 20);
    return picture(bytes);
  },
  "away.jpg": () => json(503, { error: "try later" }),
};

export const hostilePictures = Object.keys(hostile);

/** Hosts of pictures, all of them: the first part of the path is the host. */
export function createImages(): Vendor {
  const made = new Map<string, Buffer>();

  function handle({ url, method }: VendorRequest): VendorAnswer {
    if (method !== "GET") return json(405, { error: "only GET" });
    const name = /\/hostile\/([^/]+)$/.exec(url.pathname)?.[1];
    if (name !== undefined) return hostile[name]?.(url) ?? json(404, { error: "not found" });
    const moved = /^\/([^/]+)\/moved(\/.+)$/.exec(url.pathname);
    if (moved !== null) return redirect(`https://${moved[1]}${moved[2]}`);
    const path = url.pathname;
    const bytes = made.get(path) ?? makePicture(path);
    made.set(path, bytes);
    return picture(bytes);
  }

  return {
    name: "images",
    secretParams: [],
    // Whoever asks for a picture shows no key, and no cookie.
    keyOf: ({ headers }) => headers["authorization"] ?? headers["cookie"] ?? null,
    place: () => ({ from: null, to: null, page: 0 }),
    repage: (request) => request,
    handle,
    limits: {
      documented: { perMinute: null, perSecond: null, countTwice: false },
      counts: () => false,
      headers: () => ({}),
    },
    refusals: {
      unauthorized: () => json(403, { error: "forbidden" }),
      rateLimited: (retryAfter) =>
        json(429, { error: "slow down" }, retryAfter === null ? {} : { "retry-after": retryAfter }),
      error: (status, text) => json(status, { error: text }),
    },
    rowsOf: () => [],
    totalOf: () => null,
    dump: () => [],
  };
}

/** Whatever it is, its server says that it is a JPEG. */
const picture = (content: string | Buffer): VendorAnswer => ({
  status: 200,
  headers: { "content-type": "image/jpeg" },
  body: typeof content === "string" ? { text: content } : { bytes: content },
});

const redirect = (location: string): VendorAnswer => ({ status: 302, headers: { location }, body: { text: "" } });
