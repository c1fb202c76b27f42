import type { KeyObject } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { Pace } from "./delivery.ts";
import type { DataFault } from "./fault-kinds.ts";
import type { Limits, Usage } from "./limits.ts";
import type { Posts } from "./recon-model.ts";

/** Who signs: an application of the sandbox's own, the same everywhere, where no other is given. */
export interface DiscordApplication {
  applicationId: string;
  privateKey: KeyObject;
}

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [field: string]: JsonValue;
}

/** What arrived, the vendor's prefix taken off the path. */
export interface WireRequest {
  method: string;
  url: URL;
  headers: Readonly<Record<string, string | undefined>>;
  body: string;
}

export interface VendorRequest extends WireRequest {
  key: string | null;
  /** Whose data the key opens; null when the vendor does not know the key. */
  client: string | null;
}

export interface VendorAnswer {
  status: number;
  headers: Record<string, string>;
  body: { json: JsonValue } | { text: string } | { bytes: Buffer };
  /** How it leaves, where a vendor is not as quick as it could be; a fault comes before that. */
  pace?: Pace;
}

/** Where in the data a request points, so that a fault can be set for one day or one page. */
export interface Place {
  from: string | null;
  to: string | null;
  page: number;
}

export interface DumpQuery {
  client: string;
  from: string;
  to: string;
  zone: string;
  /** Of a vendor with several; its first one where left out. */
  table?: string;
}

/** What every vendor may look at: the time, the posts of all platforms, and the data faults that are set for it now. */
export interface Surroundings {
  clock: Clock;
  posts: Posts;
  /** Who signs Discord's interactions; the sandbox's own application where left out. */
  discord?: DiscordApplication | undefined;
  /** What the sandbox's own Google accounts sign with; none where left out. */
  googleKey?: KeyObject | undefined;
  dataFaults(client: string, day: string): readonly DataFault[];
}

/** One mock vendor: a file of vendors/ makes it, or the test of a vendor that `npm start` leaves alone without a key. */
export interface Vendor {
  name: string;
  /** Query parameters that carry a secret: they never reach the request log. */
  secretParams: readonly string[];
  /** The path as it may be logged, for a vendor that has a secret in it. */
  printedPath?(path: string): string;
  keyOf(request: WireRequest): string | null;
  place(request: WireRequest): Place;
  /** The same request for another page or page size, as far as the vendor pages. */
  repage(request: VendorRequest, change: { page?: number; pageSize?: number }): VendorRequest;
  handle(request: VendorRequest): VendorAnswer;

  limits: {
    documented: Limits;
    counts(request: WireRequest): boolean;
    /** Which calls count among those under way at a time; none where left out. */
    isConcurrent?(request: WireRequest): boolean;
    /** False for a vendor that refuses without saying when to come back. */
    sayWhen?: boolean;
    headers(usage: Usage): Record<string, string>;
  };
  refusals: {
    unauthorized(): VendorAnswer;
    rateLimited(retryAfter: string | null, policy?: string): VendorAnswer;
    error(status: number, text: string): VendorAnswer;
  };

  /** The rows and the totals inside an answer, for faults that change them in place. */
  rowsOf(json: JsonValue): JsonValue[];
  totalOf(json: JsonValue): JsonObject | null;
  /** What is true: the oracle that tests compare a database with. */
  dump(query: DumpQuery): JsonObject[];
  /** What else a test can ask of it or make it do, `/_control/<vendor>/...`, by method and path; each is given the request's JSON. */
  control?: Readonly<Record<string, (body: unknown) => unknown>>;
}

export function json(status: number, body: JsonValue, headers: Record<string, string> = {}): VendorAnswer {
  return { status, headers, body: { json: body } };
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
