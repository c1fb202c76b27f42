import { factsOfStored } from "../../rules/intelligence/catalogue-facts.ts";
import { toItem } from "../../rules/intelligence/creative-facts.ts";
import type { Landing } from "../../rules/rtb/landing.ts";
import { Badge, Moment, Name, None, Origin } from "../components/format.tsx";
import { safeLink } from "../shared/web.ts";
import type { CreativeDetails } from "./answers.ts";
import { Approval, CampaignLinks, languageName, Vanished } from "./marks.tsx";
import { Thumbnail } from "./thumbnail.tsx";

/** What is known of a creative, whoever said it. */
export function CreativeFacts({ of, zone }: { of: CreativeDetails; zone: string }) {
  const { width, height, canonicalSize, sizeCategory, buyerId, languages, lastSeenAt } = of;
  const size = width === null || height === null ? null : `${width}×${height} as sent`;
  return (
    <section class="panel known" aria-labelledby="known">
      <h2 id="known" class="visually-hidden">
        What is known of it
      </h2>
      <figure>
        <Thumbnail of={of} />
        {of.thumbnailNote === null ? null : (
          <figcaption class="quiet">
            {of.thumbnailUrl === null ? "No picture" : "An earlier picture"}: <Name of={of.thumbnailNote} />.
          </figcaption>
        )}
      </figure>
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
            <Name of={[...new Set([canonicalSize, sizeCategory, size])].filter((one) => one !== null).join(", ")} />
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

/** Where its links lead, each place once: what it declares, else what its content says or the exchange found. */
const landingsOf = (of: CreativeDetails): Landing[] => toItem(factsOfStored({ id: "", ...of }, [])).landings;

function Landings({ of }: { of: readonly Landing[] }) {
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

function Where({ of: { kind, app, domain, url, linkName, scheme } }: { of: Landing }) {
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
