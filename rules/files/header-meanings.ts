import { fileFields, type FileField, type FileKind } from "./file-kinds.ts";

export { fileFields, type FileField } from "./file-kinds.ts";

/** A report that a sender offers, and the columns that only it has. */
export interface KnownReport {
  title: string;
  columns: readonly string[];
}

/** What a mapping says of the headers of its files. */
export interface FileFormat {
  name: string;
  /** What its files are; ad performance where it does not say. */
  kind?: FileKind | undefined;
  columns: Partial<Record<FileField, string[]>>;
  constants: Partial<Record<FileField, string>>;
  currencyColumns: readonly string[];
  sameDayColumns: readonly string[];
  ignore: readonly string[];
  sumOver: readonly string[];
  /** The first whose columns a file has is the one it is. */
  reports?: readonly KnownReport[] | undefined;
}

/** A header as it is compared: without case, blanks, underscores and the # that some exports begin with. */
export function plainHeader(text: string): string {
  return text
    .normalize("NFC")
    .replace(/[\s_\u200b\ufeff]+/g, "")
    .replace(/^#/, "")
    .toLowerCase();
}

export type Use =
  | { kind: "field"; field: FileField; rank: number }
  | { kind: "currency" }
  | { kind: "sameDay" }
  | { kind: "ignore" }
  | { kind: "sumOver" };

export interface Meanings {
  of(header: string): Use[];
  currencyIn(header: string): string | null;
}

/** What each header means to a format, for a client whose money is in `currency`. */
export function meaningsOf(format: FileFormat, currency: string): Meanings {
  const exact = new Map<string, Use[]>();
  const open: { start: string; use: Use }[] = [];
  const withCurrency: { pattern: RegExp; use: Use }[] = [];
  const add = (header: string, use: Use) => {
    const plain = plainHeader(header);
    if (plain.includes("{currency}")) {
      const [before = "", after = ""] = plain
        .split("{currency}")
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      withCurrency.push({ pattern: new RegExp(`^${before}([a-z]{3})${after}$`), use });
    } else if (plain.endsWith("*")) open.push({ start: plain.slice(0, -1), use });
    else exact.set(plain, [...(exact.get(plain) ?? []), use]);
  };
  for (const field of fileFields)
    format.columns[field]?.forEach((header, rank) => add(header, { kind: "field", field, rank }));
  for (const header of format.currencyColumns) add(header, { kind: "currency" });
  for (const header of format.sameDayColumns) add(header, { kind: "sameDay" });
  for (const header of format.ignore) add(header, { kind: "ignore" });
  for (const header of format.sumOver) add(header, { kind: "sumOver" });
  return {
    of(header) {
      const plain = plainHeader(header);
      const known = exact.get(plain);
      if (known !== undefined) return known;
      const spoken = withCurrency.find(({ pattern }) => pattern.test(plain));
      if (spoken !== undefined) return [spoken.use];
      const opening = open.find(({ start }) => plain.startsWith(start));
      return opening === undefined ? [] : [opening.use];
    },
    currencyIn(header) {
      const plain = plainHeader(header);
      for (const { pattern } of withCurrency) {
        const said = pattern.exec(plain)?.[1]?.toUpperCase();
        if (said !== undefined && said !== currency) return said;
      }
      return null;
    },
  };
}
