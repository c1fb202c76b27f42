import { readdirSync } from "node:fs";
import type { Surroundings, Vendor } from "./vendor.ts";

export type CreateVendor = (surroundings: Surroundings) => Vendor;

const files = () =>
  readdirSync(new URL("./vendors/", import.meta.url))
    .filter((file) => /^[a-z-]+\.(ts|js)$/.test(file))
    .sort();

const nameOf = (file: string) => file.replace(/\.(ts|js)$/, "").replaceAll("-", "_");

/** Whose mock server the sandbox has. */
export const vendorNames = (): string[] => files().map(nameOf);

/** Every mock vendor there is: the files of vendors/, each mounted under its own name (meta-ads.ts as meta_ads). */
export async function findVendors(): Promise<Map<string, CreateVendor>> {
  const found = new Map<string, CreateVendor>();
  for (const file of files()) {
    const exported = Object.entries((await import(`./vendors/${file}`)) as Record<string, unknown>);
    const [, create] = exported.find(([name]) => name.startsWith("create")) ?? [];
    if (typeof create !== "function") throw new Error(`sandbox/vendors/${file} exports no function create...`);
    found.set(nameOf(file), create as CreateVendor);
  }
  return found;
}
