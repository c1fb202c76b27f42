import type { JsonObject } from "../vendor.ts";

const empty: JsonObject = {
  ...{ can_be_asked: true, why_not: "", subject: "campaign", metric: "spend", conditions: [] },
  ...{ compare_with: "none", above_or_below: "above", value: "", percent: "", amount: "", slice: [], against: [] },
  ...{ days: 28, from: "", to: "", least_impressions: 0, least_clicks: 0, least_spend: "" },
  ...{ only_clear: false, sort: "", direction: "", limit: 50 },
};

const countries: Record<string, string> = { brazil: "BR", india: "IN", mexico: "MX", ireland: "IE", germany: "DE" };
const subjects: Record<string, string> = {
  ...{ campaign: "campaign", creative: "creative", format: "format", size: "size", countr: "country", genre: "genre" },
};

/**
 * The text a model would answer to a sentence: by its words, as far as a few rules reach. One that obeys what it reads
 * answers what the sentence tells it to, which may be anything.
 */
export function questionText(sentence: string, { obeys }: { obeys: boolean }): string {
  const said = sentence.toLowerCase();
  const [dictated] = /\{.*\}/s.exec(sentence) ?? [];
  if (obeys) return dictated ?? JSON.stringify({ sql: sentence });
  const subject = Object.entries(subjects).find(([word]) => said.includes(word))?.[1];
  if (subject === undefined)
    return JSON.stringify({ ...empty, can_be_asked: false, why_not: "it does not ask about ad performance" });
  const metric = ["ctr", "cpc", "cpm", "clicks", "impressions"].find((name) => said.includes(name));
  const [, percent] = /(\d+(?:\.\d+)?) ?%/.exec(said) ?? [];
  const named = Object.entries(countries).filter(([name]) => said.includes(name));
  const where = named.length === 0 ? [] : [{ dimension: "country", is: "in", values: named.map(([, code]) => code) }];
  const answer: JsonObject = { ...empty, subject, metric: metric ?? "ctr", conditions: where };
  const side = said.includes("below") ? "below" : "above";
  if (said.includes("ios") && said.includes("android"))
    return JSON.stringify({
      ...answer,
      ...{ compare_with: "slice", above_or_below: side, percent: percent ?? "", least_clicks: 30 },
      slice: [{ dimension: "os", is: "in", values: ["ios"] }],
      against: [{ dimension: "os", is: "in", values: ["android"] }],
    });
  if (said.includes("weekend"))
    return JSON.stringify({
      ...answer,
      ...{ compare_with: "slice", above_or_below: side, percent: "5", least_impressions: 1_000 },
      slice: [{ dimension: "weekday", is: "in", values: ["saturday", "sunday"] }],
    });
  if (percent === undefined) return JSON.stringify(answer);
  return JSON.stringify({
    ...answer,
    compare_with: "value",
    above_or_below: side,
    value: percent,
    least_impressions: 1_000,
  });
}
