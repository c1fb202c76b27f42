import { z } from "zod";
import { landingKey, readLanding, type Landing } from "../../rules/rtb/landing.ts";
import { Badge, Moment, Name, None, Origin } from "../components/format.tsx";
import { safeLink } from "../shared/web.ts";
import type { CreativeDetails } from "./answers.ts";
import { Approval, CampaignLinks, languageName, Outline, Vanished } from "./marks.tsx";

/** What is known of a creative, whoever said it. */
export function CreativeFacts({ of, zone }: { of: CreativeDetails; zone: string }) {
  const { width, height, canonicalSize, sizeCategory, buyerId, languages, lastSeenAt } = of;
  const size = width === null || height === null ? null : `${width}×${height} as sent`;
  return (
    <section class="panel known" aria-labelledby="known">
      <h2 id="known" class="visually-hidden">
        What is known of it
      </h2>
      <Outline {...of} />
      <dl class="facts">
        <dt>Advertiser</dt>
        <dd>{of.advertiserName === null ? <None why="none is named" /> : <Name of={of.advertiserName} />}</dd>
        <dt>Campaigns</dt>
        <dd>
          <CampaignLinks of={of.campaigns} />
        </dd>
        <dt>Leads to</dt>
        <dd>
          <Landings of={landingsOf(of)} />
        </dd>
        <dt>Approval</dt>
        <dd>
          <Approval of={of.approvalStatus} /> <Vanished at={of.vanishedAt} />
        </dd>
        <dt>Languages</dt>
        <dd>
          {languages === null || languages.length === 0 ? (
            <None why="none was detected" />
          ) : (
            <Name of={languages.map(languageName).join(", ")} />
          )}
        </dd>
        <dt>Size</dt>
        <dd>
          {canonicalSize === null && size === null ? (
            <None why="not said" />
          ) : (
            <Name of={[canonicalSize, sizeCategory, size].filter((one) => one !== null).join(", ")} />
          )}
        </dd>
        <dt>Seat</dt>
        <dd>
          {buyerId === null ? (
            <None why="not said" />
          ) : (
            <a href={`/creatives?period=all&buyer_id=${encodeURIComponent(buyerId)}`}>{buyerId}</a>
          )}{" "}
          <Origin of={of.origin} />
        </dd>
        <dt>First seen</dt>
        <dd>
          <Moment at={new Date(of.createdAt)} zone={zone} />
          {of.isStub ? ", known from a file only" : ""}
        </dd>
        <dt>Last seen</dt>
        <dd>
          {lastSeenAt === null ? (
            <None why="the exchange was not asked" />
          ) : (
            <Moment at={new Date(lastSeenAt)} zone={zone} />
          )}
        </dd>
        <dt>Changed</dt>
        <dd>
          <Moment at={new Date(of.updatedAt)} zone={zone} />
        </dd>
      </dl>
    </section>
  );
}

const text = z
  .string()
  .nullish()
  .catch(null)
  .transform((value) => value ?? null);
const landing = z.object({
  url: text,
  domain: text,
  app: z
    .object({ store: z.enum(["android", "ios"]), id: z.string() })
    .nullish()
    .catch(null),
  linkName: text,
  scheme: text,
  via: z.array(z.string()).catch([]),
  kind: z.enum(["app", "site", "shared", "tracker", "none"]),
});
type Place = Pick<Landing, "url" | "domain" | "app" | "linkName" | "scheme" | "via" | "kind">;
const noPlace = { url: null, domain: null, app: null, linkName: null, scheme: null, via: [], kind: "none" } as const;
const stored = z.array(
  landing.transform((place): Place => ({ ...place, app: place.app ?? null })).catch({ ...noPlace, via: [] }),
);
const addresses = z.array(z.string());

/** Where its links lead, each place once. People may have stored anything there: what is not as expected is none. */
function landingsOf({ destinationUrlsParsed, declaredClickUrls }: CreativeDetails): Place[] {
  const parsed = stored.safeParse(destinationUrlsParsed);
  const declared = addresses.safeParse(declaredClickUrls);
  const all: readonly Place[] =
    parsed.success && parsed.data.length > 0 ? parsed.data : declared.success ? declared.data.map(readLanding) : [];
  const places = new Map<string, Place>();
  for (const place of all) {
    const key = landingKey({ host: null, ...place }) ?? place.url ?? place.via.join();
    if (place.kind !== "none" && !places.has(key)) places.set(key, place);
  }
  return [...places.values()];
}

function Landings({ of }: { of: readonly Place[] }) {
  if (of.length === 0) return <None why="no address that can be read" />;
  return (
    <ul class="plain">
      {of.map((place, index) => (
        <li key={index}>
          <Where of={place} />
          {place.via.length === 0 ? null : (
            <span class="quiet">
              {" "}
              through <Name of={place.via.join(", ")} />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function Where({ of: { kind, app, domain, url, linkName, scheme } }: { of: Place }) {
  if (app !== null)
    return (
      <>
        <Badge tone="note">{app.store === "android" ? "Android app" : "iOS app"}</Badge>{" "}
        <Address of={url}>{app.id}</Address>
      </>
    );
  const name = linkName ?? (scheme === null ? null : `${scheme}://`);
  switch (kind) {
    case "site":
    case "shared":
      return (
        <>
          <Badge tone={kind === "site" ? "note" : "quiet"}>{kind === "site" ? "site" : "place of many owners"}</Badge>{" "}
          <Address of={url}>{domain ?? url ?? ""}</Address>
        </>
      );
    case "app":
    case "tracker":
      return (
        <>
          <Badge tone="quiet">{kind === "app" ? "an app's own link" : "tracker, target unknown"}</Badge>{" "}
          {name === null ? null : <Name of={name} />}
        </>
      );
    case "none":
      return <None why="nothing readable" />;
  }
}

/** A landing page is somebody else's: it is opened only by whoever clicks, and learns nothing of where from. */
function Address({ of, children }: { of: string | null; children: string }) {
  const href = safeLink(of);
  return href === null ? (
    <Name of={children} />
  ) : (
    <a href={href} rel="noopener noreferrer nofollow" target="_blank">
      {children}
    </a>
  );
}
