import { countryNamed } from "../intelligence/country-name.ts";
import { geoIdOf } from "./geo-ids.ts";
import { membersOf, type Live } from "./judge.ts";
import { sameLeaf, sizeMember, withLeaf, type Leaves } from "./leaves.ts";

export interface Size {
  width: number;
  height: number;
}

/** What is to be let in or kept out, as the exchange or a report sent it: sizes are never canonical ones. */
export type Wanted =
  | { act: "leave_out" | "let_in"; by: "country"; country: string }
  | { act: "leave_out"; by: "publisher"; publisherId: string }
  | { act: "leave_out" | "let_in"; by: "size"; sizes: readonly Size[] }
  | { act: "leave_out"; by: "format"; format: string };

/** A configuration that a change could be made in. */
export interface Candidate {
  configId: string;
  displayName: string;
}

export type Proposal = (Candidate & { snapshot: Leaves; target: Leaves }) | Refused;

/** Why there is no change; where a person has to choose, of what. */
export interface Refused {
  refused: string;
  candidates?: Candidate[];
}

/** The same content with what is wanted, or why it cannot be had of this configuration. */
type Step = Leaves | string;

const included = "geoTargeting.includedIds";
const excluded = "geoTargeting.excludedIds";
const sizesPath = "includedCreativeDimensions";
const formatsPath = "includedFormats";
const publishers = "publisherTargeting.values";
const publisherMode = "publisherTargeting.targetingMode";

/** Computes the one change from what is there. Of several configurations that it could be made in, a person names one. */
export function propose(wanted: Wanted, live: readonly Live[], configId: string | null): Proposal {
  const candidates = live.filter((one) => (configId === null ? one.isActive : one.configId === configId));
  if (candidates.length === 0)
    return {
      refused:
        configId === null ? "no configuration is active" : `there is no configuration ${configId}: it may be gone`,
    };
  const found = candidates.map((one) => ({ one, step: stepOf(wanted, one.content) }));
  const possible = found.flatMap(({ one, step }) =>
    typeof step === "string"
      ? []
      : [{ configId: one.configId, displayName: one.displayName, snapshot: one.content, target: step }],
  );
  const [first, second] = possible;
  if (first === undefined) {
    const [{ step } = { step: "" }] = found;
    return { refused: String(step) };
  }
  if (second !== undefined)
    return {
      refused: `it could be made in ${possible.map((one) => `${one.displayName} (${one.configId})`).join(" or ")}: name one`,
      candidates: possible.map(({ configId: id, displayName }) => ({ configId: id, displayName })),
    };
  return first;
}

function stepOf(wanted: Wanted, content: Leaves): Step {
  switch (wanted.by) {
    case "country": {
      const id = geoIdOf(wanted.country);
      if (id === null) return `the exchange's number of the country ${countryNamed(wanted.country)} is not known`;
      return wanted.act === "leave_out" ? leaveOutCountry(content, id) : letInCountry(content, id);
    }
    case "publisher":
      return leaveOutPublisher(content, wanted.publisherId);
    case "size":
      return wanted.act === "leave_out" ? leaveOutSizes(content, wanted.sizes) : letInSizes(content, wanted.sizes);
    case "format":
      return leaveOutFormat(content, wanted.format);
  }
}

const listOf = (content: Leaves, path: string) => membersOf(content[path] ?? null);
const without = (list: readonly string[], ...gone: readonly string[]) => list.filter((one) => !gone.includes(one));
const sorted = (list: readonly string[]) => [...new Set(list)].sort();

function leaveOutCountry(content: Leaves, id: string): Step {
  const [ins, outs] = [listOf(content, included), listOf(content, excluded)];
  if (outs.includes(id)) return "the country is excluded already";
  if (ins.length === 0) return withLeaf(content, excluded, sorted([...outs, id]));
  if (!ins.includes(id)) return "only other countries are included";
  // An empty list would mean all countries.
  if (ins.length === 1) return "it is the only country that is included: suspend the configuration instead";
  return withLeaf(content, included, without(ins, id));
}

function letInCountry(content: Leaves, id: string): Step {
  const [ins, outs] = [listOf(content, included), listOf(content, excluded)];
  const open = withLeaf(content, excluded, without(outs, id));
  const next = ins.length === 0 || ins.includes(id) ? open : withLeaf(open, included, sorted([...ins, id]));
  return isSame(next, content) ? "nothing in pretargeting keeps the country out: raise bids or budget" : next;
}

function leaveOutPublisher(content: Leaves, publisherId: string): Step {
  const values = listOf(content, publishers);
  if (values.length > 0 && content[publisherMode] === "INCLUSIVE") {
    if (!values.includes(publisherId)) return "only other publishers are included";
    if (values.length === 1) return "it is the only publisher that is included: suspend the configuration instead";
    return withLeaf(content, publishers, without(values, publisherId));
  }
  if (values.includes(publisherId)) return "the publisher is excluded already";
  return withLeaf(withLeaf(content, publishers, sorted([...values, publisherId])), publisherMode, "EXCLUSIVE");
}

function leaveOutSizes(content: Leaves, sizes: readonly Size[]): Step {
  const now = listOf(content, sizesPath);
  if (now.length === 0)
    return "all sizes are included, and pretargeting has no list of excluded ones: list those you want there first";
  const rest = without(now, ...sizes.map(sizeMember));
  if (rest.length === now.length) return "the size is not included";
  if (rest.length === 0) return "it is the only size that is included: suspend the configuration instead";
  return withLeaf(content, sizesPath, rest);
}

function letInSizes(content: Leaves, sizes: readonly Size[]): Step {
  if (sizes.length === 0) return "there is no creative of that size yet: make one first";
  const now = listOf(content, sizesPath);
  const next = sorted([...now, ...sizes.map(sizeMember)]);
  if (now.length === 0 || next.length === now.length)
    return "nothing in pretargeting keeps the size out: raise bids or budget";
  return withLeaf(content, sizesPath, next);
}

const allFormats = ["HTML", "NATIVE", "VAST"];

function leaveOutFormat(content: Leaves, format: string): Step {
  const stated = listOf(content, formatsPath);
  const now = stated.length === 0 ? allFormats : stated;
  if (!now.includes(format)) return "the format is not included";
  const rest = without(now, format);
  return rest.length === 0
    ? "it is the only format that is included: suspend the configuration instead"
    : withLeaf(content, formatsPath, rest);
}

const isSame = (one: Leaves, other: Leaves) =>
  [...Object.keys(one), ...Object.keys(other)].every((path) => sameLeaf(one[path], other[path]));
