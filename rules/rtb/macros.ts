/** Longer than any address that works; what is longer is read up to here. */
const longest = 8_192;

/** Placeholders of ad servers, filled when an ad is served: `%%CLICK_URL_ESC%%`, `${CLICK_URL}`, `[CACHEBUSTER]`, `{{campaign}}`, `{gaid}`. */
const macros = [
  /%%[A-Z0-9_:]{1,64}%%/gi,
  /\$\{[A-Z0-9_:.-]{1,64}\}/gi,
  /\[[A-Z][A-Z0-9_]{2,63}\]/g,
  /\{{1,2}[A-Z0-9_.:-]{1,64}\}{1,2}/gi,
];

export function withoutMacros(text: string): string {
  return macros.reduce((clean, macro) => clean.replaceAll(macro, ""), text);
}

/** Like decodeURIComponent, which throws on what is no UTF-8: here that stays as it is, and ASCII is decoded. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replaceAll(/%[0-7][0-9a-f]/gi, (code) => decodeURIComponent(code));
  }
}

/** An address as a person would type it: no macros, no entities, decoded three times at most, until it begins like one. */
export function cleanAddress(text: string): string {
  let clean = withoutMacros(
    text
      .slice(0, longest)
      .replaceAll("&amp;", "&")
      .replaceAll(/[\s\p{Cc}]+/gu, " "),
  ).trim();
  for (let round = 0; round < 3 && /^[a-z][a-z0-9+.-]{1,30}%(?:25){0,3}3a/i.test(clean); round += 1)
    clean = withoutMacros(decoded(clean)).trim();
  return clean;
}
