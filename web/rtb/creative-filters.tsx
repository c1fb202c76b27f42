import { z } from "zod";
import { creativeSorts, tiers } from "../../queries/rtb/creative-shapes.ts";
import { periods } from "../../queries/rtb/rollups.ts";
import { languageTag, placeInList, word } from "../../api/server/lists.ts";
import { Filters, type Filter } from "../components/filters.tsx";
import { get } from "../shared/page.tsx";
import { withQuery, type At, type Web } from "../shared/web.ts";
import { rtb, type Facets } from "./answers.ts";
import { approvalWord, languageName } from "./marks.tsx";

/** What the page takes in its address. */
export const creativeQuery = {
  period: z.enum(periods).optional(),
  sort: z.enum(creativeSorts).optional(),
  tier: z.enum(tiers).optional(),
  format: word.optional(),
  geography: z
    .string()
    .regex(/^[A-Za-z]{2}$/, "must be a country's two letters")
    .optional(),
  buyer_id: word.optional(),
  campaign: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional(),
  advertiser: word.optional(),
  approval: word.optional(),
  language: languageTag.optional(),
  vanished: z.enum(["true", "false"]).optional(),
  view: z.enum(["cards", "table"]).optional(),
  cursor: placeInList,
};
export type CreativeQuery = z.output<z.ZodObject<typeof creativeQuery>>;

export const readFacets = (web: Web, at: At<unknown>) => get<Facets>(web, at.request, `${rtb}/facets`);

const periodNames: Record<(typeof periods)[number], [label: string, key: string]> = {
  "1d": ["Yesterday", "y"],
  "7d": ["7 days", "w"],
  "30d": ["30 days", "m"],
  all: ["All days", "a"],
};

interface PeriodsProps {
  url: URL;
  names: readonly (typeof periods)[number][];
  chosen: string;
}

/** The periods that sums are kept for. */
export function Periods({ url, names, chosen }: PeriodsProps) {
  return (
    <div class="period" role="group" aria-label="Period">
      {names.map((name) => (
        <a
          key={name}
          href={withQuery(url, { period: name })}
          data-key={periodNames[name][1]}
          aria-current={chosen === name ? "true" : undefined}
        >
          {periodNames[name][0]}
        </a>
      ))}
    </div>
  );
}

const sortNames = { spend: "By spend", cpc: "By CPC", cpm: "By CPM", id: "By id" };

export function Toolbar({ at: { query: asked, url }, facets }: { at: At<CreativeQuery>; facets: Facets }) {
  return (
    <>
      <Periods url={url} names={periods} chosen={asked.period ?? "7d"} />
      <div class="period" role="group" aria-label="Order">
        {creativeSorts.map((sort) => (
          <a
            key={sort}
            href={withQuery(url, { sort })}
            data-sort={sort}
            aria-current={(asked.sort ?? "spend") === sort ? "true" : undefined}
          >
            {sortNames[sort]}
          </a>
        ))}
      </div>
      <Filters url={url} filters={filtersOf(facets, asked)} />
    </>
  );
}

type Choice = readonly [value: string, label: string];

/** What there is, and what was asked for where that is none of it: else the form would drop it. */
function choicesOf(all: readonly Choice[], asked: string | undefined, isSame = (one: string) => one === asked) {
  const found = asked === undefined || all.some(([value]) => isSame(value)) ? all : [[asked, asked] as const, ...all];
  return [["", "any"] as const, ...found];
}

function filtersOf(facets: Facets, asked: CreativeQuery): Filter[] {
  const counted = (of: readonly { value: string; creatives: number }[], name = (value: string) => value) =>
    of.map(({ value, creatives }): Choice => [value, `${name(value)} (${creatives})`]);
  const choice = (name: keyof CreativeQuery, label: string, all: readonly Choice[]): Filter[] =>
    all.length === 0 && asked[name] === undefined
      ? []
      : [{ name, label, kind: "choice", choices: choicesOf(all, asked[name]) }];
  return [
    ...choice("advertiser", "Advertiser", counted(facets.advertisers)),
    ...choice(
      "campaign",
      "Campaign",
      facets.campaigns.map(({ value, name, creatives }) => [value, `${name} (${creatives})`]),
    ),
    ...choice("approval", "Approval", counted(facets.approvals, approvalWord)),
    ...choice("language", "Language", languagesOf(facets)),
    ...choice("format", "Format", counted(facets.formats)),
    ...choice(
      "buyer_id",
      "Seat",
      facets.seats.map(({ value, name, creatives }) => [value, `${name ?? value} (${creatives})`]),
    ),
    ...choice(
      "tier",
      "Spend",
      tiers.map((tier) => [tier, tier === "zero" ? "none" : tier]),
    ),
    ...choice("vanished", "Listed", [
      ["false", "still listed"],
      ["true", "vanished"],
    ]),
    { name: "geography", label: "Country", kind: "text" },
  ];
}

/** As the filter takes them: pt-BR and pt_BR are one. */
function languagesOf({ languages }: Facets): Choice[] {
  const found = new Map<string, number>();
  for (const { value, creatives } of languages) {
    const { success, data } = languageTag.safeParse(value);
    if (success) found.set(data, (found.get(data) ?? 0) + creatives);
  }
  return [...found].map(([tag, creatives]) => [tag, `${languageName(tag)} (${creatives})`]);
}
