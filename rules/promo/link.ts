/** The link of a variation: it leads to the offer's redirect and says by promo_var which text was clicked. */
export function promoLink({ base, slug, variationId }: { base: string; slug: string; variationId: number }): string {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/${slug}`;
  url.searchParams.set("promo_var", String(variationId));
  return url.href;
}
