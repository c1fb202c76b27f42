import { readdirSync } from "node:fs";
import { defineConfig } from "drizzle-kit";

/** What else lies in schema/, and declares no table. */
const noTables = ["columns.ts", "database.ts", "describe.ts", "merge-key.ts", "migrate.ts", "tables.ts"];

export default defineConfig({
  dialect: "postgresql",
  schema: readdirSync("./schema")
    .filter((file) => /^[a-z-]+\.ts$/.test(file) && !noTables.includes(file))
    .map((file) => `./schema/${file}`),
  out: "./schema/migrations",
  migrations: { schema: "ops", table: "migrations" },
});
