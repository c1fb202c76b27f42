const codes: ReadonlySet<string> = new Set(Intl.supportedValuesOf("currency"));

/** Whether it is a currency of ISO 4217 that is in use: sums are made per currency, and must not gain one by a slip. */
export const isCurrency = (code: string): boolean => codes.has(code);
