import type { Queryable } from "../schema/database.ts";

export type Who = "admin" | "operator" | "analyst" | "advertiser" | "affiliate";
const staff: Who[] = ["admin", "operator", "analyst"];
const all: Who[] = [...staff, "advertiser", "affiliate"];

interface Walked {
  /** An address that shows something on the demo's data; `:name` is filled by its query. */
  address: string;
  who: Who[];
  fill?: Record<string, string>;
}

/** Every page and export there is, and who may see it. Tests walk them all; a page that is not named here fails one. */
export const walked: Record<string, Walked> = {
  "/": { address: "/", who: staff },
  "/cost": { address: "/cost?period=30d", who: staff },
  "/cost.csv": { address: "/cost.csv?period=30d", who: staff },
  "/sessions": { address: "/sessions", who: all },
};

/** The pages' addresses with what this database holds: no exports. */
export async function readAddresses(database: Queryable): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for (const [route, { address, fill = {} }] of Object.entries(walked)) {
    if (route.endsWith(".csv")) continue;
    let filled = address;
    for (const [name, statement] of Object.entries(fill)) {
      const { rows } = await database.query<{ value: string }>(statement);
      if (rows[0] === undefined) throw new Error(`${route}: the demo's data has no ${name}: ${statement}`);
      filled = filled.replace(`:${name}`, encodeURIComponent(rows[0].value));
    }
    found.push([route, filled]);
  }
  return found;
}
