import { z } from "zod";
import { json, type VendorAnswer } from "./vendor.ts";

const order = z.strictObject({
  host: z.string().min(1),
  /** With its query, as it is asked for. */
  path: z.string().startsWith("/"),
  status: z.int().min(200).max(599).default(302),
  location: z.string().optional(),
});

/** The hosts of share links, mocked below `/links/<host>/`: what a test set, else what the vendor says of a path. */
export function createShareLinks(destinationOf: (host: string, path: string) => string | null) {
  const set = new Map<string, z.output<typeof order>>();
  const asked: { host: string; path: string; method: string }[] = [];
  return {
    isLink: (pathname: string) => pathname.startsWith("/links/"),
    answer(method: string, url: URL): VendorAnswer {
      const [, , host = "", ...rest] = url.pathname.split("/");
      const path = `/${rest.join("/")}`;
      asked.push({ host, path: path + url.search, method });
      const wanted = set.get(`${host}${path}${url.search}`);
      const location = wanted === undefined ? destinationOf(host, path) : (wanted.location ?? null);
      if (wanted === undefined && location === null) return json(404, { message: "Not Found", error: 404 });
      return {
        status: wanted?.status ?? 301,
        headers: { "content-type": "text/html", ...(location === null ? {} : { location }) },
        body: { text: "<html><body>This page is on its way to another.</body></html>" },
      };
    },
    control: {
      "GET /links": () => asked,
      "POST /links": (body: unknown) => {
        const wanted = order.parse(body);
        set.set(`${wanted.host}${wanted.path}`, wanted);
        return wanted;
      },
      "DELETE /links": () => {
        set.clear();
        asked.length = 0;
        return {};
      },
    },
  };
}
