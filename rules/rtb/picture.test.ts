import { deflateSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { recognisePicture } from "./picture.ts";
import { askablePicture, previewUrl } from "./preview.ts";

const png = (width: number, height: number) => {
  const bytes = Buffer.alloc(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]);
  bytes.write("IHDR", 12, "latin1");
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
};
const gif = (width: number, height: number) => {
  const bytes = Buffer.alloc(13);
  bytes.write("GIF89a", "latin1");
  bytes.writeUInt16LE(width, 6);
  bytes.writeUInt16LE(height, 8);
  return bytes;
};
/** An EXIF segment and a filler byte stand before the frame, as cameras write it. */
const jpeg = (width: number, height: number, marker = 0xc2) => {
  const frame = Buffer.from([
    0xff,
    0xff,
    marker,
    0,
    11,
    8,
    height >> 8,
    height & 255,
    width >> 8,
    width & 255,
    1,
    1,
    0x11,
    0,
  ]);
  return Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0, 6, 1, 2, 3, 4]), frame, Buffer.from([0xff, 0xd9])]);
};
const webp = (kind: "VP8 " | "VP8L" | "VP8X", width: number, height: number) => {
  const bytes = Buffer.alloc(40);
  bytes.write("RIFF", 0, "latin1");
  bytes.write(`WEBP${kind}`, 8, "latin1");
  if (kind === "VP8X") {
    bytes.writeUIntLE(width - 1, 24, 3);
    bytes.writeUIntLE(height - 1, 27, 3);
  } else if (kind === "VP8 ") {
    bytes.writeUInt16LE(width, 26);
    bytes.writeUInt16LE(height, 28);
  } else bytes.writeUInt32LE((width - 1) | ((height - 1) << 14), 21);
  return bytes;
};

describe("a picture is what its bytes say, with the size that they say:", () => {
  test.each([
    ["PNG", png(1200, 627), { type: "image/png", width: 1200, height: 627 }],
    ["GIF", gif(320, 50), { type: "image/gif", width: 320, height: 50 }],
    ["JPEG behind other segments", jpeg(1200, 627), { type: "image/jpeg", width: 1200, height: 627 }],
    ["WebP, lossy", webp("VP8 ", 640, 360), { type: "image/webp", width: 640, height: 360 }],
    ["WebP, lossless", webp("VP8L", 300, 250), { type: "image/webp", width: 300, height: 250 }],
    ["WebP, extended", webp("VP8X", 970, 250), { type: "image/webp", width: 970, height: 250 }],
  ])("%s", (_what, bytes, found) => {
    expect(recognisePicture(bytes)).toEqual(found);
  });
});

describe("what is none is refused, and told what it is:", () => {
  test.each([
    ["nothing", Buffer.alloc(0), "empty"],
    ["a page", Buffer.from("\n <!DOCTYPE html><script>alert(1)</script>"), "a page"],
    ["SVG", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'), "SVG"],
    ["SVG behind a declaration", Buffer.from('<?xml version="1.0"?><!-- x --><svg onload="alert(1)"/>'), "SVG"],
    ["JSON", Buffer.from('{"error":"gone"}'), "JSON"],
    ["a PDF", Buffer.from("%PDF-1.7"), "something else"],
    ["a packed stream", deflateSync(Buffer.from("x")), "something else"],
    ["a PNG without its header", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), "no size"],
    ["a JPEG that ends before its frame", Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 1]), "no size"],
    ["a JPEG whose frame is a table", jpeg(9, 9, 0xc4), "no size"],
    ["RIFF that is sound", Buffer.from("RIFF....WAVEfmt "), "something else"],
    ["a picture that unpacks to gigabytes", png(60_000, 60_000), "60000x60000"],
    ["a picture of no pixels", png(0, 5), "0 pixels"],
  ])("%s", (_what, bytes, reason) => {
    expect(recognisePicture(bytes)).toEqual({ refused: expect.stringContaining(reason) });
  });
});

describe("the picture that an exchange names is", () => {
  const companion = (type: string, url: string) =>
    `<VAST><Companion width="300" height="250"><StaticResource creativeType="${type}"><![CDATA[${url}]]></StaticResource></Companion></VAST>`;
  test.each([
    [
      "a native's image",
      { native: { image: { url: "https://a.example/i" }, logo: { url: "https://a.example/l" } } },
      "https://a.example/i",
    ],
    ["else its logo", { native: { image: { url: "" }, logo: { url: "https://a.example/l" } } }, "https://a.example/l"],
    ["else its app's icon", { native: { appIcon: { url: "https://a.example/c" } } }, "https://a.example/c"],
    [
      "a video's companion picture",
      { vast: companion("image/jpeg", "https://a.example/c?a=1&amp;b=2") },
      "https://a.example/c?a=1&b=2",
    ],
    ["none where the companion is a page", { vast: companion("text/html", "https://a.example/c") }, null],
    ["none of what is no text", { native: { image: { url: 7 } } }, null],
    ["none where there is none", {}, null],
  ])("%s", (_what, given, found) => {
    expect(previewUrl(given)).toBe(found);
  });
});

describe("no picture is asked for at", () => {
  test.each([
    ["https://a.example/i.jpg?cb=%%CACHEBUSTER%%", "macros"],
    ["https://a.example/${AUCTION_ID}.jpg", "macros"],
    ["ftp://a.example/i.jpg", "no web address"],
    ["data:image/png;base64,AAAA", "no web address"],
    ["file:///etc/passwd", "no web address"],
    ["https://me:secret@a.example/i.jpg", "password"],
    ["http://127.0.0.1/i.jpg", "not public"],
    ["http://2130706433/i.jpg", "not public"],
    ["http://[::1]/i.jpg", "not public"],
    ["http://[::ffff:169.254.169.254]/i.jpg", "not public"],
    ["http://169.254.169.254/latest/meta-data/", "not public"],
    ["http://10.0.0.8/i.jpg", "not public"],
    ["http://printer.local/i.jpg", "not public"],
    ["https://a.example:5432/i.jpg", "port 5432"],
    ["nonsense", "no web address"],
  ])("%s", (address, reason) => {
    expect(askablePicture(address)).toEqual({ refused: expect.stringContaining(reason) });
  });

  test("and any other address may be asked", () => {
    expect(askablePicture("https://a.example/i.jpg?w=1")).toEqual(new URL("https://a.example/i.jpg?w=1"));
  });
});
