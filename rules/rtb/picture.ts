/** Kinds of picture that browsers draw and that cannot run anything. SVG is none of them: it may hold scripts. */
export type PictureType = "image/jpeg" | "image/png" | "image/gif" | "image/webp";

export interface Picture {
  type: PictureType;
  width: number;
  height: number;
}

/** A file of few bytes may unpack to gigabytes of pixels. */
const mostPixels = 40_000_000;
const mostSide = 12_000;

/** What a file is by its own bytes: what its server calls it says nothing. Or why it is none that is shown. */
export function recognisePicture(bytes: Buffer): Picture | { refused: string } {
  if (bytes.length === 0) return { refused: "the answer is empty" };
  const type = typeOf(bytes);
  if (type === null) return { refused: `the answer is ${whatElse(bytes)}, no JPEG, PNG, GIF or WebP` };
  const size = sizes[type](bytes);
  if (size === null) return { refused: `the answer begins as ${type} and has no size that can be read` };
  const { width, height } = size;
  if (width < 1 || height < 1) return { refused: `the picture has a side of 0 pixels` };
  if (width > mostSide || height > mostSide || width * height > mostPixels)
    return { refused: `the picture has ${width}x${height} pixels: more than a browser should unpack` };
  return { type, width, height };
}

function typeOf(bytes: Buffer): PictureType | null {
  if (bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))) return "image/jpeg";
  if (bytes.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))) return "image/png";
  if (/^GIF8[79]a$/.test(ascii(bytes, 0, 6))) return "image/gif";
  return ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 4) === "WEBP" ? "image/webp" : null;
}

function whatElse(bytes: Buffer): string {
  const start = bytes.subarray(0, 512).toString("latin1").trimStart().toLowerCase();
  if (start.includes("<svg")) return "SVG, which may hold scripts";
  if (start.startsWith("<")) return "a page";
  return start.startsWith("{") || start.startsWith("[") ? "JSON" : "something else";
}

type Size = Pick<Picture, "width" | "height">;

const sizes: Record<PictureType, (bytes: Buffer) => Size | null> = {
  // The first chunk of a PNG is its header.
  "image/png": (bytes) =>
    bytes.length < 24 || ascii(bytes, 12, 4) !== "IHDR"
      ? null
      : { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) },
  "image/gif": (bytes) => (bytes.length < 10 ? null : { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }),
  "image/jpeg": jpegSize,
  "image/webp": webpSize,
};

/** The size stands in the frame's header, behind any number of other segments. */
function jpegSize(bytes: Buffer): Size | null {
  for (let at = 2; at + 9 < bytes.length;) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    if (marker === 0xd9 || marker === 0xda) return null;
    const length = bytes.readUInt16BE(at + 2);
    if (length < 2) return null;
    at += 2 + length;
  }
  return null;
}

function webpSize(bytes: Buffer): Size | null {
  if (bytes.length < 30) return null;
  switch (ascii(bytes, 12, 4)) {
    case "VP8X":
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    case "VP8 ":
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    case "VP8L": {
      const bits = bytes.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    default:
      return null;
  }
}

const ascii = (bytes: Buffer, from: number, length: number) => bytes.toString("latin1", from, from + length);
