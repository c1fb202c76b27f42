import type { LinkKind, Product } from "./creative-products.ts";

/** A number in [0, 1) for each question that is asked of one creative. */
export type Draw = (question: string) => number;

export function pick<Item>(items: readonly Item[], drawn: number): Item {
  const item = items[Math.floor(drawn * items.length)];
  if (item === undefined) throw new RangeError("nothing to choose from");
  return item;
}

export function pickKind(links: Product["links"], drawn: number): LinkKind {
  const kinds = Object.entries(links) as [LinkKind, number][];
  let left = drawn * kinds.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of kinds) {
    left -= weight;
    if (left < 0) return kind;
  }
  return kinds[0]?.[0] ?? "none";
}

const token = (drawn: number) =>
  Math.floor(drawn * 36 ** 6)
    .toString(36)
    .padStart(6, "0");

/** Where a click leads, as advertisers write it: macros, click ids and all. Null where the creative does not say. */
export function linkOf(product: Product, kind: LinkKind, draw: Draw): string | null {
  const slug = product.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "");
  const store = storeLink(product, draw);
  switch (kind) {
    case "android":
      return product.bundle === undefined ? siteLink(product, draw) : playLink(product.bundle, draw);
    case "ios":
      return product.appStoreId === undefined ? siteLink(product, draw) : appleLink(product, slug, draw);
    case "appsflyer":
      return product.bundle === undefined || draw("af") < 0.2
        ? `https://app.appsflyer.com/id${product.appStoreId ?? ""}?pid=authorizedbuyers_int&af_siteid=%%SITE%%&clickid=\${CLICK_ID}`
        : `https://app.appsflyer.com/${product.bundle}?pid=authorizedbuyers_int&c=${token(draw("c"))}&af_dp=${encodeURIComponent(`${slug}://open`)}&af_click_lookback=7d`;
    case "onelink":
      return draw("one") < 0.5
        ? `https://${slug}.onelink.me/${token(draw("one/a")).slice(0, 4)}/${token(draw("one/b"))}?pid=dv360`
        : `https://${slug}.onelink.me/${token(draw("one/a")).slice(0, 4)}?pid=dv360&af_web_dp=${encodeURIComponent(siteLink(product, draw))}&af_android_url=${encodeURIComponent(store)}`;
    case "adjust":
      return `https://app.adjust.com/${token(draw("adjust"))}?campaign=${slug}_${product.languages[0] ?? ""}&redirect=${encodeURIComponent(store)}`;
    case "adjust_bare":
      return `https://app.adjust.com/${token(draw("adjust"))}?gps_adid={gaid}`;
    case "branch":
      return `https://${slug}${draw("branch") < 0.2 ? "-alternate" : ""}.app.link/${token(draw("branch/a"))}?%243p=a_google&~campaign=${slug}`;
    case "site":
      return siteLink(product, draw);
    case "ad_server":
      return `https://ad.doubleclick.net/ddm/clk/${Math.floor(draw("dcm") * 9e8)};${Math.floor(draw("dcm/b") * 9e8)};a?${siteLink(product, draw)}`;
    // An agency's own click server, which no list of trackers knows: several advertisers share it.
    case "agency":
      return draw("agency") < 0.5
        ? `https://go.mediabridge.example/c/${token(draw("agency/a"))}?cid=%%CREATIVE_ID%%`
        : `https://go.mediabridge.example/r?cb=%%CACHEBUSTER%%&url=${encodeURIComponent(encodeURIComponent(siteLink(product, draw)))}`;
    case "shop":
      return draw("shop") < 0.8
        ? `https://${slug}-store.myshopify.com/collections/${pick(["summer", "sale", "new-in"], draw("shop/a"))}?utm_source=google`
        : `https://${slug}.netlify.app/${pick(["offer", "landing-b"], draw("shop/a"))}`;
    case "marketplace":
      return `https://www.amazon.com/dp/B0${token(draw("asin")).toUpperCase()}?tag=${slug}-20`;
    case "social":
      return `https://www.facebook.com/${slug}/?fbclid=${token(draw("social"))}`;
    case "none":
      return null;
    default:
      return kind satisfies never;
  }
}

function playLink(bundle: string, draw: Draw): string {
  const language = pick(["", "&hl=pt_BR", "&gl=US"], draw("android"));
  return `https://play.google.com/store/apps/details?id=${bundle}${language}&referrer=${encodeURIComponent("utm_source=rtb&utm_campaign=%%CREATIVE_ID%%")}`;
}

function appleLink({ appStoreId = "" }: Product, slug: string, draw: Draw): string {
  const country = pick(["us", "br", "de"], draw("ios"));
  return draw("ios/old") < 0.2
    ? `https://itunes.apple.com/${country}/app/id${appStoreId}?mt=8`
    : `https://apps.apple.com/${country}/app/${slug}/id${appStoreId}`;
}

function storeLink(product: Product, draw: Draw): string {
  return product.bundle === undefined ? siteLink(product, draw) : playLink(product.bundle, draw);
}

/** A product's second site is its rarer one. */
function siteLink({ sites, path }: Product, draw: Draw): string {
  const site = (draw("site") < 0.25 ? sites[1] : undefined) ?? sites[0] ?? "";
  const host = `${pick(["www.", "", "m.", "promo."], draw("site/host"))}${site}`;
  const page = path ?? pick(["/", "/campaigns/spring", "/lp/2", "/sale", "/start.html"], draw("site/page"));
  return `https://${host}${page}?utm_source=authorizedbuyers&utm_content=%%CREATIVE_ID%%&gclid=${token(draw("site/click"))}`;
}
