import type { CreativeFault } from "./file-creatives.ts";
import { shown } from "./reasons.ts";
import type { LineRules } from "./shapes.ts";

/** As the exchange has it. */
const mostIdBytes = 128;
const mostSeatBytes = 128;

/** Looks at each creative of a file once: whether its id can be one, and what is stored of it. */
export function creativeCheck({
  mapping,
  knownCreatives,
}: Pick<LineRules, "mapping" | "knownCreatives">): (seat: string | null, id: string) => CreativeFault | null {
  const absent = new Set(mapping.absent.map((word) => word.toLowerCase()));
  return (seat, id) => {
    const refuse = (why: string): CreativeFault => ({ code: "creative_id", reason: `creative id ${shown(id)} ${why}` });
    const why = absent.has(id.toLowerCase()) ? "is none" : whyNoId(id);
    if (why !== null) return refuse(why);
    if (seat !== null && (Buffer.byteLength(seat) > mostSeatBytes || absent.has(seat.toLowerCase())))
      return { code: "creative_id", reason: `${shown(seat)} is no seat of a creative` };
    const state = knownCreatives.stateOf(seat, id);
    if (state === "fine") return null;
    const of = seat === null ? "" : ` of seat ${plain(seat)}`;
    const reason =
      state === "unknown"
        ? `creative ${plain(id)}${of} is not known: add it, then redrive`
        : `creative ${plain(id)} is in several seats (${state.slice(0, 5).map(plain).join(", ")}): say which the file is of, by a column, the constant buyer_id or RTB_BUYER_ID`;
    return { code: "unknown_creative", reason };
  };
}

/** Any word may be a name: only digits are repeated as they are. */
const plain = (text: string) => (/^\d+$/.test(text) ? text : shown(text));

/** Ids are texts of any kind. Refused is what a spreadsheet makes of long numbers, since its digits are gone. */
export function whyNoId(id: string): string | null {
  if (/^\d(\.\d+)?[eE]\+?\d+$/.test(id))
    return "was shortened by a spreadsheet and its last digits are gone: export it as text";
  if (/^\d+\.0*$/.test(id))
    return "is written as a decimal number, and long ones lose digits that way: export it as text";
  if (/^\d{1,3}([ ,.'\u00a0\u202f]\d{3})+$/.test(id) || /^\d+\s\d+$/.test(id))
    return "is written as a number with groups: export it as text";
  if (/^0+$/.test(id)) return "is none";
  if (/\S@\S+\.\S/.test(id)) return "is an e-mail address";
  if (/\p{Cc}/u.test(id)) return "has a control character";
  return Buffer.byteLength(id) > mostIdBytes ? `is longer than ${mostIdBytes} bytes` : null;
}
