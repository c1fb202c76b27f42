import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { getTableName } from "drizzle-orm";
import { getTableConfig } from "drizzle-orm/pg-core";
import { isLosslessNumber, parse, stringify } from "lossless-json";
import { isDay, isTimeZone } from "../core/days.ts";
import { parseMoney } from "../core/money.ts";
import { createRedactor } from "../core/redact.ts";
import { bookkeeping, mergeColumns, rowKey, type MergeColumn } from "../schema/merge-key.ts";
import type { Row } from "../connectors/slices/slice-rows.ts";
import { QuarantinedRow, type AnySource } from "../connectors/source.ts";

const slice = { day: "2025-12-18", timezone: "America/New_York" };

/** The contract every source keeps, run on answers recorded in `sources/fixtures/`: one file, one page. */
export function describeSource(source: AnySource, fixtures: readonly string[]): void {
  const ownSlice = { ...slice, timezone: source.slices.timezone };
  const secretNames = Object.keys(source.vendor.secrets.shape);
  const secrets = Object.fromEntries(secretNames.map((name) => [name, `canary-${name.toLowerCase()}-0123456789`]));
  const columns = new Map(mergeColumns(source.table).map((column) => [column.property, column]));
  const requestOf = (cursor: unknown) => source.request({ slice: ownSlice, secrets, cursor });

  describe(`${source.name} keeps the contract of a source`, () => {
    test("it is named after its vendor and its table", () => {
      const { schema } = getTableConfig(source.table);
      expect(source.name).toBe(`${source.vendor.name}.${getTableName(source.table)}`);
      expect(schema).toBe(source.vendor.name);
      expect(isTimeZone(source.slices.timezone)).toBe(true);
    });

    test("its amount is a money column that is never null, and its table has every bookkeeping column", () => {
      expect(columns.get(source.amount)).toMatchObject({ type: "numeric(18, 6)", notNull: true });
      const names = [...columns.values()].map((column) => column.name);
      expect(names).toEqual(expect.arrayContaining([...bookkeeping]));
      expect(rowKey(source.table).length).toBeGreaterThan(0);
    });

    test("it asks for its slice, the same way each time, on a path below the vendor's address", () => {
      const request = requestOf(null);
      expect(request).toEqual(requestOf(null));
      expect(request.path).toMatch(/^\//);
      expect(JSON.stringify(request)).toContain(ownSlice.day);
    });

    test("its secrets are named as settings are, and no printed request shows them", async () => {
      expect(secretNames.every((name) => /^[A-Z][A-Z0-9_]+$/.test(name))).toBe(true);
      for (const request of [requestOf(null), await source.vendor.probe(secrets, {})]) {
        const url = new URL(`${source.vendor.baseUrl}${request.path}`);
        for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, String(value));
        expect(decodeURIComponent(url.pathname)).not.toContain("canary");
        // Once with the secrets known, and once by where they stand.
        for (const known of [Object.values(secrets), []]) {
          expect(createRedactor(known)(url.href)).not.toContain("canary");
        }
        const printed = JSON.stringify({ url: url.href, headers: request.headers, body: request.body });
        expect(createRedactor(Object.values(secrets))(printed)).not.toContain("canary");
      }
    });

    test("nothing found is no error, and ends the paging", () => {
      const bodies = [null, [], emptied(load(fixtures[0]))].map((json) => source.body.safeParse(json));
      const parsed = bodies.filter((body: { success: boolean }) => body.success);
      expect(parsed.length).toBeGreaterThan(0);
      for (const { data } of parsed) {
        expect(source.rows(data, ownSlice)).toEqual([]);
        expect(source.next?.(data, null) ?? null).toBeNull();
      }
    });

    describe.each(fixtures)("on %s", (file) => {
      const read = () => source.body.parse(load(file)) as unknown;
      const all = () => source.rows(read(), ownSlice);
      const rows = () => all().filter((row: unknown): row is Row => !(row instanceof QuarantinedRow));

      test("the answer parses and has rows", () => {
        expect(rows().length).toBeGreaterThan(0);
      });

      test("reading it twice gives the same, and leaves it as it was", () => {
        const body = read();
        const before = stringify(body);
        expect(source.rows(body, ownSlice)).toEqual(source.rows(body, ownSlice));
        expect(stringify(body)).toBe(before);
      });

      test("the rows fit the table: known columns, nothing missing, each value as its column wants it", () => {
        const filled = (bookkeeping as readonly string[]).slice();
        for (const row of rows()) {
          expect(Object.keys(row).filter((property) => !columns.has(property))).toEqual([]);
          for (const [property, column] of columns) {
            if (filled.includes(column.name)) expect(row).not.toHaveProperty(property);
            else expect([column.name, problemOf(row[property], column)]).toEqual([column.name, null]);
          }
        }
      });

      test("every row has its key, and no two have the same", () => {
        const key = rowKey(source.table);
        const keys = rows().map((row: Row) => key.map(({ property }) => row[property] ?? null));
        for (const [index, column] of key.entries()) {
          if (column.notNull)
            expect(keys.filter((parts: unknown[]) => parts[index] === null || parts[index] === "")).toEqual([]);
        }
        expect(new Set(keys.map((parts: unknown[]) => JSON.stringify(parts))).size).toBe(keys.length);
      });

      test("quarantined rows say why, what they hold, and what amounts they carry", () => {
        for (const row of all().filter((one: unknown) => one instanceof QuarantinedRow)) {
          expect(row).toEqual({
            reason: expect.stringMatching(/./),
            amount: parseMoney(row.amount),
            content: expect.anything(),
          });
          expect(JSON.parse(JSON.stringify(row.content))).toEqual(row.content);
        }
      });

      test("the vendor's total, where there is one, is an amount", () => {
        const total = source.vendorTotal?.(read()) ?? null;
        expect(total).toBe(total === null ? null : parseMoney(total));
      });

      test("paging ends, and never asks for the same page twice", () => {
        const body = read();
        const asked = new Set([JSON.stringify(requestOf(null))]);
        let cursor: unknown = null;
        for (let page = 0; page < 5; page += 1) {
          cursor = source.next?.(body, cursor) ?? null;
          if (cursor === null) return;
          const request = JSON.stringify(requestOf(cursor));
          expect(asked).not.toContain(request);
          asked.add(request);
        }
      });

      test("a field the vendor adds one day breaks nothing and changes no value we know", () => {
        const known = (row: unknown) => ({ ...(row as Row), extra: null });
        const parsed = source.body.parse(withNews(load(file))) as unknown;
        expect(source.rows(parsed, ownSlice).map(known)).toEqual(all().map(known));
      });
    });
  });
}

/** A recorded answer, its numbers as the connectors get them. */
export function load(file: string | undefined): unknown {
  return parse(readFileSync(new URL(`../connectors/sources/fixtures/${file ?? ""}`, import.meta.url), "utf8"));
}

function problemOf(value: unknown, column: MergeColumn): string | null {
  if (value === null || value === undefined) return column.notNull ? "missing" : null;
  const wrong = `${stringify(value)} is no ${column.type}`;
  if (column.type.startsWith("numeric")) return typeof value === "string" && parseMoney(value) === value ? null : wrong;
  if (/^(bigint|integer|smallint)/.test(column.type)) return Number.isSafeInteger(value) ? null : wrong;
  if (column.type === "date") return typeof value === "string" && isDay(value) ? null : wrong;
  if (column.type.startsWith("timestamp"))
    return value instanceof Date && !Number.isNaN(value.getTime()) ? null : wrong;
  if (column.type === "boolean") return typeof value === "boolean" ? null : wrong;
  if (column.type.startsWith("json")) return isJson(value) ? null : wrong;
  return typeof value === "string" && !value.includes("\0") ? null : wrong;
}

function isJson(value: unknown): boolean {
  if (typeof value !== "string") return false;
  parse(value);
  return !value.includes("\\u0000");
}

/** The same answer with its lists empty and its sums at zero. */
function emptied(json: unknown): unknown {
  if (Array.isArray(json)) return [];
  if (isLosslessNumber(json)) return parse("0");
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, emptied(value)]));
}

function withNews(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withNews);
  if (isLosslessNumber(json) || typeof json !== "object" || json === null) return json;
  return {
    ...Object.fromEntries(Object.entries(json).map(([name, value]) => [name, withNews(value)])),
    unheard_of: { a: [1, null, "x"] },
  };
}
