import { isInsideHost } from "../../core/public-address.ts";
import { parseUrl } from "../../core/parse-url.ts";
import { withoutMacros } from "./macros.ts";

export interface Previewed {
  native?: Partial<Record<"image" | "logo" | "appIcon", { url?: unknown } | undefined>> | undefined;
  vast?: string | null | undefined;
}

const longest = 2_000;

/**
 * The picture that an exchange names for a creative: of a native its image, else its logo; of a video the picture of a
 * companion ad. An HTML snippet has pictures too, but which of them is a tracking pixel nobody says: none is named.
 */
export function previewUrl({ native, vast }: Previewed): string | null {
  const named = [native?.image?.url, native?.logo?.url, native?.appIcon?.url, companionOf(vast ?? "")];
  const found = named.find((url) => typeof url === "string" && url !== "" && url.length <= longest);
  return typeof found === "string" ? found : null;
}

/** `<StaticResource creativeType="image/jpeg"><![CDATA[https://…]]></StaticResource>` of a companion. */
function companionOf(vast: string): string | undefined {
  const found =
    /<StaticResource\b[^>]{0,200}creativeType\s*=\s*["']image\/[^>]{0,200}>\s*(?:<!\[CDATA\[)?\s*(https?:\/\/[^\s<\]]{1,2000})/i.exec(
      vast,
    );
  return found?.[1]?.replaceAll("&amp;", "&");
}

/** Whether our worker may ask for a picture at an address: or why not. Where its host's name leads is looked at when it connects. */
export function askablePicture(address: string): URL | { refused: string } {
  // Filled in when an ad is served: asked for as it is, it is no picture, or counts as a showing.
  if (withoutMacros(address) !== address) return { refused: "the address has macros of an ad server" };
  const url = parseUrl(address);
  if (url === null || !["https:", "http:"].includes(url.protocol)) return { refused: "this is no web address" };
  if (url.username !== "" || url.password !== "") return { refused: "the address has a name or password in it" };
  if (isInsideHost(url.hostname)) return { refused: "the address leads into a network that is not public" };
  if (url.port !== "" && !["80", "443"].includes(url.port)) return { refused: `port ${url.port} is no web server's` };
  return url;
}
