const names = new Intl.DisplayNames("en", { type: "region", fallback: "code" });

/** The English name of a country; what is no country's code as it is. */
export const countryNamed = (code: string): string => (/^[A-Z]{2}$/.test(code) ? (names.of(code) ?? code) : code);

/** Two letters that stand for a country today. */
export const isCountry = (code: string): boolean => /^[A-Z]{2}$/.test(code) && names.of(code) !== code;
