import type { CreativeRow } from "../../queries/rtb/creative-shapes.ts";

type Pictured = Pick<CreativeRow, "creativeId" | "buyerId" | "format" | "vanishedAt" | "hasPreview" | "thumbnail">;

/** Where the picture of a creative is to be had, from this server and nobody else's; or why there is none. */
export function toThumbnail(
  row: Pictured,
  consents: boolean,
): { thumbnailUrl: string | null; thumbnailNote: string | null } {
  const { thumbnail } = row;
  const none = (thumbnailNote: string) => ({ thumbnailUrl: null, thumbnailNote });
  if (!row.hasPreview) return none(unnamed[row.format?.toUpperCase() ?? ""] ?? "no exchange names a picture of it");
  if (!consents) return none("pictures are not fetched: THUMBNAIL_CONSENT is off");
  if (row.vanishedAt !== null) return none("the exchange lists it no longer");
  if (thumbnail === null) return none("its picture was not fetched yet");
  if (thumbnail.hash === null) return none(`its picture is not shown: ${thumbnail.reason ?? thumbnail.state}`);
  const query = new URLSearchParams({
    ...(row.buyerId === null ? {} : { buyer_id: row.buyerId }),
    // Another picture has another address, and so a browser shows no old one.
    v: thumbnail.hash.slice(0, 16),
  });
  const thumbnailUrl = `/api/v1/rtb/creatives/${encodeURIComponent(row.creativeId)}/thumbnail?${query}`;
  return { thumbnailUrl, thumbnailNote: thumbnail.reason };
}

const unnamed: Record<string, string> = {
  HTML: "the exchange names no picture of an HTML creative, and its markup is not run",
  VIDEO: "its VAST has no picture beside the video",
};
