import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  schema: [
    "./schema/ops.ts",
    "./schema/deliveries.ts",
    "./schema/redtrack.ts",
    "./schema/everflow.ts",
    "./schema/affiliate-mapping.ts",
    "./schema/anytrack.ts",
    "./schema/recon.ts",
    "./schema/files.ts",
    "./schema/ingest.ts",
    "./schema/rtb.ts",
  ],
  out: "./schema/migrations",
  migrations: { schema: "ops", table: "migrations" },
});
