import { jsonDelimiter } from "../../connectors/files/json-fields.ts";

/**
 * A header and some of its file's lines as a file of their own, with each line at the place where it stood in that file:
 * blank lines stand for those that are left out. So whoever reads it gives every line its own number, and no list of
 * which is which has to be kept.
 */
export async function* linesAsFile(
  { header, delimiter }: { header: string; delimiter: string },
  lines: AsyncIterable<readonly { line: number; content: string }[]>,
): AsyncIterable<Uint8Array> {
  // The first record of JSON may stand in the first line, behind the list of its fields.
  const isJson = delimiter === jsonDelimiter;
  yield Buffer.from(`\uFEFF${header}${isJson ? " " : "\n"}`);
  let at = isJson ? 1 : 1 + heightOf(header);
  for await (const some of lines) {
    let text = "";
    for (const { line, content } of some) {
      if (line < at) throw new Error(`line ${line} begins before line ${at}, where the one before it ends`);
      for (; line - at > blanks.length; at += blanks.length) yield blanks;
      text += `${"\n".repeat(line - at)}${content}\n`;
      at = line + heightOf(content);
      if (text.length > blanks.length) {
        yield Buffer.from(text);
        text = "";
      }
    }
    yield Buffer.from(text);
  }
}

const blanks = Buffer.alloc(262_144, "\n");

/** A line with line breaks within quotation marks is several. */
const heightOf = (text: string) => (text.match(/\r\n|\r|\n/g)?.length ?? 0) + 1;
