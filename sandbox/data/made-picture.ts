import { crc32, deflateSync } from "node:zlib";
import { chance } from "../chance.ts";

/** A picture of a creative as a PNG of 600x314: stripes and a disc, in colours that follow from its name. */
export function makePicture(name: string, { width = 600, height = 314 } = {}): Buffer {
  const draw = (what: string) => chance("picture", name, what);
  const hue = draw("hue") * 360;
  const palette = [
    colour(hue, 0.55, 0.42),
    colour(hue + 25, 0.6, 0.55),
    colour(hue + 190, 0.65, 0.6),
    colour(hue, 0.25, 0.94),
  ];
  const [x, y, radius] = [width * (0.25 + draw("x") / 2), height * (0.4 + draw("y") / 5), height * 0.28];
  const slope = draw("slope") * 2 - 1;
  const rows = Buffer.alloc((width + 1) * height);
  for (let row = 0; row < height; row += 1)
    for (let column = 0; column < width; column += 1) {
      const isDisc = (column - x) ** 2 + (row - y) ** 2 < radius ** 2;
      const isBar = row > height * 0.8 && row < height * 0.9 && column > width * 0.06 && column < width * 0.7;
      const stripe = Math.floor((column + row * slope + width) / 75) % 2;
      rows[row * (width + 1) + 1 + column] = isBar ? 3 : isDisc ? 2 : stripe;
    }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits a pixel, each the number of a colour.
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flat())),
    chunk("IDAT", deflateSync(rows, { level: 6 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(name: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** Hue in degrees, saturation and lightness from 0 to 1, as three bytes. */
function colour(hue: number, saturation: number, lightness: number): number[] {
  const spread = saturation * Math.min(lightness, 1 - lightness);
  return [0, 8, 4].map((offset) => {
    const at = (offset + hue / 30) % 12;
    return Math.round(255 * (lightness - spread * Math.max(-1, Math.min(at - 3, 9 - at, 1))));
  });
}
