import { readdir } from "node:fs/promises";
import type { Surroundings, Vendor } from "./vendor.ts";

type CreateVendor = (surroundings: Surroundings) => Vendor;

/** Every mock vendor there is: the files of vendors/, each mounted under its own name (meta-ads.ts as meta_ads). */
export async function findVendors(): Promise<Map<string, CreateVendor>> {
  const files = (await readdir(new URL("./vendors/", import.meta.url))).filter((file) =>
    /^[a-z-]+\.(ts|js)$/.test(file),
  );
  const found = new Map<string, CreateVendor>();
  for (const file of files.sort()) {
    const exported = Object.entries((await import(`./vendors/${file}`)) as Record<string, unknown>);
    const [, create] = exported.find(([name]) => name.startsWith("create")) ?? [];
    if (typeof create !== "function") throw new Error(`sandbox/vendors/${file} exports no function create...`);
    found.set(file.replace(/\.(ts|js)$/, "").replaceAll("-", "_"), create as CreateVendor);
  }
  return found;
}
