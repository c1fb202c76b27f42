import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import yauzl from "yauzl";

/** Writes the first file of a zip whose name matches. */
export async function unzipOne(archive: string, wanted: RegExp, target: string): Promise<void> {
  const zip = await yauzl.openPromise(archive, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      if (!wanted.test(entry.fileName)) continue;
      await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(target));
      return;
    }
    throw new Error(`${archive} holds no file like ${String(wanted)}`);
  } finally {
    zip.close();
  }
}
