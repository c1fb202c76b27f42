import { countText, Moment } from "../components/format.tsx";
import { Count, Figure, Notice } from "../components/parts.tsx";
import type { ThumbnailState } from "./answers.ts";

interface Props {
  of: ThumbnailState;
  json: string;
  zone: string;
  isKeeper: boolean;
}

/** Whether pictures of creatives are fetched, how many there are, and why not more. */
export function ThumbnailPanel({ of, json, zone, isKeeper }: Props) {
  const fact = (field: "named" | "stored" | "refused" | "failed") => ({ json, field, value: String(of[field]) });
  return (
    <section aria-labelledby="thumbnails" class="stacked">
      <div class="section-head">
        <h2 id="thumbnails">Thumbnails</h2>
        {of.consents && isKeeper ? (
          <form method="post" action="/seats/thumbnails">
            <button type="submit">Fetch thumbnails</button>
          </form>
        ) : null}
      </div>
      {of.consents ? (
        <div class="cards">
          <Figure label="Pictures kept" value={countText(of.stored)} fact={fact("stored")}>
            {(of.bytes / 1_048_576).toFixed(1)} MB,{" "}
            {of.lastFetch === null ? (
              "never fetched"
            ) : (
              <>
                last fetched <Moment at={new Date(of.lastFetch)} zone={zone} />
              </>
            )}
          </Figure>
          <Figure label="Named by the exchange" value={countText(of.named)} fact={fact("named")}>
            <Count json={json} field="unnamed" of={of.unnamed} /> without: HTML, and videos without a companion picture
          </Figure>
          <Figure label="Refused" value={countText(of.refused)} fact={fact("refused")}>
            no picture that is shown; each creative says why
          </Figure>
          <Figure label="Failed" value={countText(of.failed)} fact={fact("failed")}>
            tried again tomorrow
          </Figure>
        </div>
      ) : (
        <Notice tone="note" title="Pictures are not fetched">
          This client does not consent to it. With <code>THUMBNAIL_CONSENT=on</code> the worker fetches the pictures
          that the exchange names for <Count json={json} field="named" of={of.named} /> creatives, each from its host,
          and keeps them here. No browser asks those hosts for anything.
        </Notice>
      )}
    </section>
  );
}
