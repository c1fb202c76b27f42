/** What stands for a delimiter where a file has records of JSON instead of columns. */
export const jsonDelimiter = "json";

/** How a file's lines are written, by what was kept of its header. */
export interface Dialect {
  header: string;
  delimiter: string;
}

/**
 * Why a text is not exactly one record of its file; null when it is. Read among other lines, such a text would take some of
 * them into itself, or be two, and nobody could say which line is which.
 */
export function notOneRecord(text: string, { header, delimiter }: Dialect): string | null {
  if (delimiter === jsonDelimiter) return notOneOfJson(text);
  const read = takeApart(text, delimiter);
  if (typeof read === "string") return read;
  if (read.isBlank) return "nothing stands in the line";
  const columns = takeApart(header, delimiter);
  // A line with too few or too many columns is rejected where it is read; over several lines its end would be in doubt.
  if (/[\r\n]/.test(text) && typeof columns !== "string" && columns.cells !== read.cells)
    return "a cell goes over several lines, and then the columns do not fit: a quotation mark is missing or one too many";
  return null;
}

function notOneOfJson(text: string): string | null {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    return "the line cannot be read as JSON";
  }
  if (typeof record !== "object" || record === null || Array.isArray(record)) return "the line is no record of JSON";
  const isEmpty = (value: unknown) => value === null || typeof value === "object" || isBlank(String(value));
  return Object.values(record).every(isEmpty) ? "nothing stands in the line" : null;
}

/** The cells of one record; in words what keeps a text from being one. */
function takeApart(text: string, delimiter: string): { cells: number; isBlank: boolean } | string {
  let at = 0;
  let filled = false;
  for (let cells = 1; ; cells += 1) {
    while (at < text.length && text[at] !== delimiter && isBlank(text[at] as string) && !isBreak(text[at])) at += 1;
    const start = at;
    if (text[at] === '"') {
      for (at += 1; at < text.length; at += 1) {
        if (text[at] !== '"') continue;
        if (text[at + 1] !== '"') break;
        at += 1;
      }
      if (at >= text.length) return "a quotation mark is opened in the line and never closed";
      at += 1;
      filled ||= !isBlank(text.slice(start + 1, at - 1));
    } else {
      while (at < text.length && text[at] !== delimiter && text[at] !== '"' && !isBreak(text[at])) at += 1;
      filled ||= !isBlank(text.slice(start, at));
    }
    if (at >= text.length) return { cells, isBlank: !filled };
    if (isBreak(text[at])) return "the line is more than one: a line break stands outside of quotation marks";
    if (text[at] !== delimiter)
      return 'a quotation mark stands in the middle of a cell: put the whole cell in quotation marks and double those in it, "5"" banner"';
    at += 1;
  }
}

const isBreak = (sign: string | undefined) => sign === "\n" || sign === "\r";
/** As files are read: a blank is what stands below or at the space. */
const isBlank = (text: string) => !/[^\0- ]/.test(text);
