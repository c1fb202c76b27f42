import { z } from "zod";
import {
  faultEffect,
  faultTarget,
  isDataFault,
  type DataFault,
  type FaultEffect,
  type FaultTarget,
  type WireFault,
} from "./fault-kinds.ts";
import type { Place } from "./vendor.ts";

export interface Fault extends FaultTarget {
  id: number;
  /** How many requests it was applied to; data faults are not counted. */
  hits: number;
  effect: FaultEffect;
}

export interface FaultedRequest extends Place {
  vendor: string;
  client: string | null;
  path: string;
}

export interface Faults {
  add(body: unknown): Fault;
  list(vendor?: string): Fault[];
  /** Lifts one fault, those of a vendor, or all; says how many. */
  lift(which: { id?: number | undefined; vendor?: string | undefined }): number;
  /** The wire faults to apply to a request, oldest first; each counts as used. */
  take(request: FaultedRequest): WireFault[];
  dataFaults(vendor: string, client: string, day: string): DataFault[];
}

// Of these only the oldest is applied: each replaces the vendor's answer.
const REPLACING: ReadonlySet<WireFault["kind"]> = new Set<WireFault["kind"]>([
  ...(["rate_limited", "rate_limited_200", "server_error", "unauthorized", "html", "null", "empty_body"] as const),
  ...(["wrapped_error", "echo_key", "reset", "never_ending", "huge", "gzip_bomb"] as const),
]);
const DELAYING: ReadonlySet<WireFault["kind"]> = new Set<WireFault["kind"]>(["latency", "slow_headers", "slow_bytes"]);

export function createFaults(vendors: readonly string[]): Faults {
  let faults: Fault[] = [];
  let lastId = 0;

  const standing = (fault: Fault) => fault.times === undefined || fault.hits < fault.times;

  return {
    add: (body) => {
      const fault: Fault = { id: lastId + 1, hits: 0, ...parseFault(body) };
      if (!vendors.includes(fault.vendor))
        throw new RangeError(`no vendor ${fault.vendor}; there is ${vendors.join(", ")}`);
      lastId += 1;
      faults.push(fault);
      return fault;
    },
    list: (vendor) => faults.filter((fault) => vendor === undefined || fault.vendor === vendor),
    lift: ({ id, vendor }) => {
      const before = faults.length;
      faults = faults.filter(
        (fault) => (id !== undefined && fault.id !== id) || (vendor !== undefined && fault.vendor !== vendor),
      );
      return before - faults.length;
    },
    take: (request) => {
      const striking: { fault: Fault; effect: WireFault }[] = [];
      for (const fault of faults) {
        const { effect } = fault;
        if (!isDataFault(effect) && standing(fault) && strikes(fault, effect, request))
          striking.push({ fault, effect });
      }
      const replacement = striking.find(({ effect }) => REPLACING.has(effect.kind));
      const applied =
        replacement === undefined
          ? striking
          : striking.filter((one) => one === replacement || DELAYING.has(one.effect.kind));
      for (const { fault } of applied) fault.hits += 1;
      return applied.map(({ effect }) => effect);
    },
    dataFaults: (vendor, client, day) => {
      const found: DataFault[] = [];
      for (const { vendor: of, match, effect } of faults) {
        const here = of === vendor && match.day === day && (match.client ?? client) === client;
        if (here && isDataFault(effect)) found.push(effect);
      }
      return found;
    },
  };
}

function parseFault(body: unknown): FaultTarget & { effect: FaultEffect } {
  const { vendor, match, times, ...rest } = z.looseObject(faultTarget.shape).parse(body);
  const effect = faultEffect.parse(rest);
  const problem = isDataFault(effect) ? dataFaultProblem(match, times) : undefined;
  if (problem !== undefined) throw new RangeError(`${effect.kind}: ${problem}`);
  return { vendor, match, ...(times === undefined ? {} : { times }), effect };
}

/** A data fault changes what is true, so it holds for a day and until it is lifted, not for some requests. */
function dataFaultProblem(match: FaultTarget["match"], times: number | undefined): string | undefined {
  if (match.day === undefined) return "match.day is required";
  if (match.page !== undefined || match.path !== undefined) return "match takes day and client only";
  return times === undefined ? undefined : "holds until lifted, leave times out";
}

function strikes({ vendor, match }: Fault, effect: WireFault, request: FaultedRequest): boolean {
  if (vendor !== request.vendor) return false;
  if (match.client !== undefined && match.client !== request.client) return false;
  if (match.page !== undefined && match.page !== request.page) return false;
  if (match.path !== undefined && match.path !== request.path) return false;
  if (effect.kind === "repeat_page" && request.page < 2) return false;
  if (match.day === undefined) return true;
  return request.from !== null && request.to !== null && request.from <= match.day && match.day <= request.to;
}
