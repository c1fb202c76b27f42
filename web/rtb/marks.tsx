import { Fragment } from "preact";
import { ShareBar } from "../components/charts.tsx";
import { areAllSandbox, Badge, Name, None, Origin, type Tone } from "../components/format.tsx";
import type { Creative } from "./answers.ts";

const approvals: Record<string, { tone: Tone; word: string }> = {
  APPROVED: { tone: "good", word: "approved" },
  DISAPPROVED: { tone: "bad", word: "disapproved" },
  PENDING_REVIEW: { tone: "warning", word: "in review" },
  CERTIFICATE_REQUIRED: { tone: "warning", word: "certificate required" },
};

/** The exchange's verdict in words; one that we do not know as it says it. */
export const approvalWord = (status: string) => approvals[status]?.word ?? status.toLowerCase().replaceAll("_", " ");

export function Approval({ of }: { of: string | null }) {
  if (of === null) return <None why="the exchange was not asked" />;
  return (
    <Badge tone={approvals[of]?.tone ?? "quiet"}>
      <Name of={approvalWord(of)} />
    </Badge>
  );
}

export function Vanished({ at }: { at: string | null }) {
  return at === null ? null : <Badge tone="warning">vanished {at.slice(0, 10)}</Badge>;
}

export const momentOf = (text: string | null) => (text === null ? null : new Date(text));

export function CampaignLinks({ of }: { of: Creative["campaigns"] }) {
  if (of.length === 0) return <None why="in no campaign" />;
  return (
    <>
      {of.map(({ campaignId, campaignName }, index) => (
        <Fragment key={campaignId}>
          {index === 0 ? "" : ", "}
          <a href={`/campaigns/${campaignId}`}>{campaignName}</a>
        </Fragment>
      ))}
    </>
  );
}

/** Said once where all of it is made up. */
export const SandboxOnce = ({ of }: { of: readonly { origin: string }[] }) =>
  areAllSandbox(of) ? <Origin of="sandbox" /> : null;

/** A share with its bar; the texts are of one width, so that bars stand below each other. */
export function Share({ percent, of }: { percent: number; of: string }) {
  return (
    <span class="share">
      <ShareBar share={percent / 100} label={`${of}: ${percent} %`} />
      <span>{percent} %</span>
    </span>
  );
}

const languageNames = new Intl.DisplayNames("en", { type: "language", fallback: "none" });

/** Portuguese (Brazil) for pt_BR; what is no language as it is. */
export function languageName(tag: string): string {
  try {
    return languageNames.of(tag.replaceAll("_", "-")) ?? tag;
  } catch {
    return tag;
  }
}

const countryNames = new Intl.DisplayNames("en", { type: "region", fallback: "none" });

/** Brazil for BR; what is no country's code as it is. */
export function countryName(code: string): string {
  try {
    return countryNames.of(code) ?? code;
  } catch {
    return code;
  }
}

/** A change of spend: sign and word, not only a colour. */
export function Trend({ trend }: { trend: number | null }) {
  if (trend === null) return <None why="nothing was spent in the days before" />;
  return (
    <span>
      {trend > 0 ? "▲ up" : trend < 0 ? "▼ down" : "even"} {Math.abs(trend)} %
    </span>
  );
}

const frame = { width: 200, height: 84 };
const least = 8;

type Shaped = Pick<Creative, "format" | "width" | "height" | "canonicalSize">;

/** A video whose file says no size is drawn as most are. */
const ratioNames: Record<string, [number, number]> = { "9:16": [9, 16], "4:5": [4, 5], "1:1": [1, 1], "16:9": [16, 9] };

function proportions({ format, width, height, canonicalSize }: Shaped): [number, number] | null {
  // 0 and 1 stand for a size that adapts.
  if (width !== null && height !== null && width > 1 && height > 1) return [width, height];
  const named = Object.entries(ratioNames).find(([name]) => canonicalSize?.includes(name) === true);
  if (named !== undefined) return named[1];
  return format?.toUpperCase() === "VIDEO" ? [16, 9] : null;
}

/** A creative's outline in place of its picture: to load that would call its trackers. */
export function Outline(of: Shaped) {
  const found = proportions(of);
  const [wide, high] = found ?? [4, 3];
  const scale = Math.min((frame.width - 4) / wide, (frame.height - 4) / high);
  const [width, height] = [Math.max(least, wide * scale), Math.max(least, high * scale)];
  const [x, y] = [(frame.width - width) / 2, (frame.height - height) / 2];
  const edge = `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`;
  // One shape each: on a page of 700 a second one is a tenth of the browser's work.
  return (
    <svg class="outline" viewBox={`0 0 ${frame.width} ${frame.height}`} aria-hidden="true">
      <path class={found === null ? "unknown" : undefined} d={`${edge}${signOf(of.format, { width, height })}`} />
    </svg>
  );
}

const round = (value: number) => Math.round(value * 10) / 10;

/** Play for a video, a picture with lines for a native, lines for all else: within a square in the middle. */
function signOf(format: string | null, { width, height }: { width: number; height: number }): string {
  const half = Math.min(14, width / 3.2, height / 3.2);
  const [x, y] = [frame.width / 2, frame.height / 2];
  const at = (dx: number, dy: number) => `${round(x + dx * half)} ${round(y + dy * half)}`;
  switch (format?.toUpperCase()) {
    case "VIDEO":
      return `M${at(-0.7, -1)}L${at(1, 0)}L${at(-0.7, 1)}Z`;
    case "NATIVE":
      return `M${at(-1, -1)}L${at(1, -1)}L${at(1, 0.2)}L${at(-1, 0.2)}ZM${at(-1, 0.6)}L${at(1, 0.6)}M${at(-1, 1)}L${at(0.3, 1)}`;
    default:
      return `M${at(-1, -0.7)}L${at(1, -0.7)}M${at(-1, 0)}L${at(1, 0)}M${at(-1, 0.7)}L${at(0.2, 0.7)}`;
  }
}

/** 300×250 as people write it; what only repeats the format is no size. */
export function sizeText({ format, width, height, canonicalSize }: Shaped): string | null {
  if (format !== null && canonicalSize?.toUpperCase() === format.toUpperCase()) return "";
  return width !== null && height !== null && width > 1 && height > 1 ? `${width}×${height}` : canonicalSize;
}
