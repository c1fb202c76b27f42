import { parse as parseHost } from "tldts";
import type { Landing } from "./landing.ts";

/** Parts of package names that name no product. */
const hollow = new Set(
  "com net org io co app apps android ios mobile game games www beta lite prod release client studio".split(" "),
);

/** A name a person would recognise, from the app, the link or the domain; null when the address has none. */
export function brandName(landing: Landing): string | null {
  const { app, linkName, domain, kind } = landing;
  if (app?.store === "android") return titled(ofPackage(app.id));
  if (app?.name !== undefined) return titled(app.name);
  if (linkName !== null) return titled(linkName);
  if (domain === null || kind === "shared") return landing.scheme === null ? null : titled(landing.scheme);
  const { domainWithoutSuffix } = parseHost(domain, { allowPrivateDomains: true });
  return titled(domainWithoutSuffix ?? domain);
}

/** The last part that names something: `dropfrenzy` of `com.tidalpine.dropfrenzy.android`. */
function ofPackage(id: string): string {
  const parts = id.toLowerCase().split(".");
  // A country or company comes first: never that one, unless nothing else is left.
  return parts.slice(1).findLast((part) => !hollow.has(part) && part.length > 1) ?? parts.at(-1) ?? id;
}

function titled(text: string): string {
  return text
    .split(/[\s._-]+/)
    .filter((word) => word !== "")
    .map((word) => word.charAt(0).toLocaleUpperCase("en") + word.slice(1))
    .join(" ");
}
