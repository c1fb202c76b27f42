import { rtb, type Creative } from "./answers.ts";
import { Outline } from "./marks.tsx";

type Shown = Pick<
  Creative,
  | ("creativeId" | "advertiserName" | "format" | "width" | "height" | "canonicalSize")
  | ("thumbnailUrl" | "thumbnailNote")
>;

/** The picture that the worker fetched, from our own address; without one the creative's outline. Both have one size: nothing jumps. */
export function Thumbnail({ of }: { of: Shown }) {
  const { creativeId, advertiserName, thumbnailUrl } = of;
  if (thumbnailUrl === null) return <Outline {...of} />;
  return (
    <img
      class="thumbnail"
      // The page of the same name, for whoever is logged in.
      src={thumbnailUrl.slice(rtb.length)}
      width="240"
      height="88"
      loading="lazy"
      decoding="async"
      alt={`Picture of creative ${creativeId}${advertiserName === null ? "" : ` of ${advertiserName}`}`}
    />
  );
}
