import { Badge, Name, None, type Tone } from "../components/format.tsx";
import { languageName } from "./marks.tsx";
import type { ClusterRun } from "./answers.ts";

const bases: Record<string, string> = {
  app: "the same app in a store",
  link: "the same name in its link",
  brand: "the same brand",
  domain: "the same site",
  page: "the same pages of a site",
  label: "the same name in app, link or site",
  name: "the product's name in its text",
  advertiser: "the same advertiser",
  text: "a text that is alike",
  alone: "nothing: it is alone",
};

/** What joins a creative to its campaign. */
export const basisWord = (basis: string | null) => (basis === null ? "a person put it there" : (bases[basis] ?? basis));

const providers: Record<string, string> = { "rule-based": "rules", claude: "Claude", gemini: "Gemini" };
export const providerWord = (provider: string) => providers[provider] ?? provider;

const deciders: Record<string, { tone: Tone; word: string }> = {
  rules: { tone: "quiet", word: "rules" },
  model: { tone: "note", word: "model" },
  person: { tone: "good", word: "a person" },
};

/** Who named a campaign: what a person decided stays. */
export function DecidedBy({ of: { namedBy, aiProvider } }: { of: { namedBy: string; aiProvider: string | null } }) {
  const { tone, word } = deciders[namedBy] ?? { tone: "quiet", word: namedBy };
  return (
    <Badge tone={tone}>
      <Name of={namedBy === "model" && aiProvider !== null ? providerWord(aiProvider) : word} />
    </Badge>
  );
}

/** 0.93 of 1: no percentage, since it is no probability. */
export function Confidence({ of, why }: { of: number | null; why: string }) {
  return of === null ? <None why={why} /> : <>{of.toFixed(2)}</>;
}

const anchors: Record<string, string> = {
  android: "Android app",
  ios: "iOS app",
  link: "links named",
  scheme: "an app's own links",
  brand: "brand",
  domain: "site",
  page: "pages",
  label: "name",
  advertiser: "advertiser",
  text: "texts",
};

/** android:com.example.app as people read it; null for an anchor that is only ours. */
export function anchorText(anchor: string | null): string | null {
  const [, kind = "", what = ""] = /^([a-z]+):(.+)$/s.exec(anchor ?? "") ?? [];
  return anchors[kind] === undefined || what === "" ? null : `${anchors[kind]} ${what}`;
}

interface VariantOf {
  language: string;
  format: string;
  creatives: number;
}

/** English HTML 18, VIDEO 6; Spanish HTML 2. */
export function variantsText(variants: readonly VariantOf[]): string {
  const byLanguage = new Map<string, string[]>();
  for (const { language, format, creatives } of variants) {
    const name = language === "und" ? "no one language" : languageName(language);
    byLanguage.set(name, [...(byLanguage.get(name) ?? []), `${format} ${creatives}`]);
  }
  return [...byLanguage].map(([name, formats]) => `${name} ${formats.join(", ")}`).join("; ");
}

/** What a run came to, in a sentence. */
export function runText(run: Pick<ClusterRun, "created" | "removed" | "moved">): string {
  const parts = [
    run.created > 0 && `${run.created} new`,
    run.removed > 0 && `${run.removed} left empty and removed`,
    run.moved > 0 && `${run.moved} creatives moved`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? "nothing changed" : parts.join(", ");
}
