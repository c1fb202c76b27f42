import type { Delivery, Pace } from "./delivery.ts";
import type { WireFault } from "./fault-kinds.ts";
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
} from "./vendor.ts";

/** The vendor's answer to a request, and how it is to be sent, with the given faults applied. */
export function answerUnderFaults(vendor: Vendor, request: VendorRequest, faults: readonly WireFault[]): Delivery {
  const replaced = faults.map((fault) => replacement(fault, vendor, request)).find((answer) => answer !== undefined);
  const answer = replaced ?? vendor.handle(faults.reduce((asked, fault) => rewritten(asked, fault, vendor), request));
  const tree =
    "json" in answer.body ? faults.reduce((json, fault) => distorted(json, fault, vendor), answer.body.json) : "";
  const plain = "json" in answer.body ? JSON.stringify(tree) : "text" in answer.body ? answer.body.text : "";
  return {
    status: answer.status,
    headers: faults.reduce(relabelled, { "content-type": "application/json; charset=utf-8", ...answer.headers }),
    text: faults.reduce(mangled, plain),
    ...("bytes" in answer.body ? { bytes: answer.body.bytes } : {}),
    waitMs: faults.reduce((sum, fault) => sum + (fault.kind === "latency" ? fault.ms : 0), 0),
    pace: faults.map(paceOf).find((pace) => pace !== undefined) ?? answer.pace ?? { kind: "at_once" },
  };
}

function replacement(fault: WireFault, vendor: Vendor, request: VendorRequest): VendorAnswer | undefined {
  const text = (status: number, body: string, contentType: string): VendorAnswer => ({
    status,
    headers: { "content-type": contentType },
    body: { text: body },
  });
  switch (fault.kind) {
    case "rate_limited":
      return vendor.refusals.rateLimited(retryAfterHeader(fault), fault.policy);
    case "rate_limited_200": {
      const seconds = fault.retryAfterSeconds;
      return { ...vendor.refusals.rateLimited(seconds === undefined ? null : String(seconds)), status: 200 };
    }
    case "server_error":
      return vendor.refusals.error(fault.status, "Internal server error");
    case "unauthorized":
      return vendor.refusals.unauthorized();
    case "wrapped_error":
      return vendor.refusals.error(200, fault.error);
    case "html":
      return text(fault.status, "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>", "text/html");
    case "null":
      return { status: 200, headers: {}, body: { json: null } };
    case "empty_body":
      return text(200, "", "application/json");
    case "echo_key": {
      const echo = `Error while handling ${request.url.href} (key ${request.key ?? "none"})`;
      return text(fault.status, `<html><body><pre>${echo}</pre></body></html>`, "text/html");
    }
    default:
      return undefined;
  }
}

function retryAfterHeader(fault: Extract<WireFault, { kind: "rate_limited" }>): string | null {
  if (fault.retryAfter !== undefined) return fault.retryAfter;
  if (fault.retryAfterDateIn !== undefined) return new Date(Date.now() + fault.retryAfterDateIn * 1_000).toUTCString();
  return fault.retryAfterSeconds === undefined ? null : String(fault.retryAfterSeconds);
}

function rewritten(request: VendorRequest, fault: WireFault, vendor: Vendor): VendorRequest {
  if (fault.kind === "repeat_page") return vendor.repage(request, { page: 1 });
  if (fault.kind === "page_cap") return vendor.repage(request, { pageSize: fault.rows });
  return request;
}

/** Works on a copy: the vendor may keep its answers. */
function distorted(json: JsonValue, fault: WireFault, vendor: Vendor): JsonValue {
  const copy = structuredClone(json);
  const rows = vendor.rowsOf(copy);
  const eachRow = (row: number | undefined, change: (target: JsonObject) => void) => {
    for (const target of row === undefined ? rows : rows.slice(row, row + 1)) if (isJsonObject(target)) change(target);
  };
  switch (fault.kind) {
    case "duplicate_row": {
      const row = rows[fault.row];
      if (row !== undefined) rows.splice(fault.row + 1, 0, structuredClone(row));
      return copy;
    }
    case "missing_field":
      eachRow(fault.row, (row) => delete row[fault.field]);
      return copy;
    case "null_field":
      eachRow(fault.row, (row) => (row[fault.field] = null));
      return copy;
    case "rename_field":
      eachRow(fault.row, (row) => {
        row[fault.to] = row[fault.field] ?? null;
        delete row[fault.field];
      });
      return copy;
    case "extra_field":
      eachRow(fault.row, (row) => (row[fault.field] = fault.value));
      return copy;
    case "raw_field":
      eachRow(fault.row, (row) => (row[fault.field] = RAW));
      return copy;
    case "numbers_as_strings":
      return withNumbersAsText(copy);
    case "total_off": {
      const total = vendor.totalOf(copy);
      if (total !== null) total[fault.field] = Number(total[fault.field] ?? 0) + fault.amount;
      return copy;
    }
    default:
      return json;
  }
}

// Stands in the tree for text that no JSON value can carry, until the tree is written out.
const RAW = "\u0000sandbox raw value\u0000";

function withNumbersAsText(json: JsonValue): JsonValue {
  if (typeof json === "number") return String(json);
  if (Array.isArray(json)) return json.map(withNumbersAsText);
  if (!isJsonObject(json)) return json;
  return Object.fromEntries(Object.entries(json).map(([field, value]) => [field, withNumbersAsText(value)]));
}

function mangled(text: string, fault: WireFault): string {
  switch (fault.kind) {
    case "raw_field":
      return text.replaceAll(JSON.stringify(RAW), () => fault.raw);
    case "truncated":
      return text.slice(0, Math.floor(text.length * fault.keepShare));
    case "bom":
      return `\uFEFF${text}`;
    case "duplicate_json_key": {
      const field = JSON.stringify(fault.field);
      return text.replace(`${field}:`, () => `${field}:${JSON.stringify(fault.value)},${field}:`);
    }
    default:
      return text;
  }
}

function relabelled(headers: Record<string, string>, fault: WireFault): Record<string, string> {
  return fault.kind === "wrong_content_type" ? { ...headers, "content-type": fault.contentType } : headers;
}

function paceOf(fault: WireFault): Pace | undefined {
  switch (fault.kind) {
    case "reset":
      return { kind: "reset" };
    case "slow_headers":
      return { kind: "slow_headers", ms: fault.ms, lines: fault.lines };
    case "slow_bytes":
      return { kind: "slow_bytes", ms: fault.ms, bytes: fault.bytes };
    case "never_ending":
      return { kind: "never_ending", ms: fault.ms };
    case "huge":
    case "gzip_bomb":
      return { kind: "generated", megabytes: fault.megabytes, gzip: fault.kind === "gzip_bomb" };
    default:
      return undefined;
  }
}
