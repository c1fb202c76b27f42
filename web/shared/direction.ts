import { turnsDirection, withDirectionNamed } from "../../core/direction.ts";

/** Fields whole, for what is in them is sent back as it is; tags with their attributes; and the text between. */
const pieces = /(<textarea[\s\S]*?<\/textarea>|<(?:"[^"]*"|[^">])*>)/;
/** Attributes that people see or hear. Those that are sent, followed or compared stay as they are. */
const said = / (?:title|aria-label|alt|label|placeholder)="[^"]*"/g;

/**
 * A page on which no name turns its own letters round: `invoice[U+202E]fdp.exe` is seen for what it is. Done once for all
 * that a page says, so that no cell can be forgotten.
 */
export function nameDirection(html: string): string {
  // Nearly every page: to take a long one apart for nothing would be a third of its time.
  if (!turnsDirection(html)) return html;
  return html
    .split(pieces)
    .map((piece, index) =>
      index % 2 === 0 ? withDirectionNamed(piece) : piece.replaceAll(said, (one) => withDirectionNamed(one)),
    )
    .join("");
}
