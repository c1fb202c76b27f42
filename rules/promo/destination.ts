/** Where a click leads: the offer's own address, with our click id under the parameter that the offer names. */
export function destinationOf(
  offer: { destinationUrl: string; clickIdParameter: string | null },
  clickId: string,
): string {
  if (offer.clickIdParameter === null) return offer.destinationUrl;
  const url = new URL(offer.destinationUrl);
  // One that is there already would be the id of somebody else's click. All else stays as it was written: some
  // destinations read what a parser would write differently.
  const kept = url.search
    .slice(1)
    .split("&")
    .filter((part) => part !== "" && nameOf(part) !== offer.clickIdParameter);
  url.search = [...kept, `${encodeURIComponent(offer.clickIdParameter)}=${clickId}`].join("&");
  return url.href;
}

function nameOf(part: string): string {
  const name = part.replace(/=.*/, "");
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch {
    return name;
  }
}
