export const delimiters = [",", ";", "\t", "|"] as const;

/** What Excel writes above a header, and hides when it opens the file: `sep=;`. It needs no mapping to allow it. */
export const delimiterLine = (text: string) => /^"?sep=([,;\t|])"?[,;\t|]*(?:\r\n|\r|\n)/i.exec(text.slice(0, 200));
