import type { Answered, AnsweredRow } from "../../api/intelligence/question-shapes.ts";
import { withoutDirection } from "../../core/direction.ts";
import { isRatio, type Metric, type Subject } from "../../rules/intelligence/question.ts";
import { metricWords, subjectWords } from "../../rules/intelligence/question-words.ts";
import { moneyIn, originColumn } from "../components/columns.ts";
import { areAllSandbox, countText, Moment, moneyText, Name, None, Origin } from "../components/format.tsx";
import { Empty, factsOf, Fact, Notice } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { creativeAddress } from "../rtb/answers.ts";
import { SandboxOnce } from "../rtb/marks.tsx";
import type { Json } from "../shared/json.ts";
import type { At } from "../shared/web.ts";

export type QuestionAnswer = Json<Answered>;
type Row = Json<AnsweredRow>;

const subjectOf = ({ question }: QuestionAnswer) => question["subject"] as Subject;
const metricOf = ({ question }: QuestionAnswer) => question["metric"] as Metric;

/** Where the rows behind a figure are looked at. */
function behind(subject: Subject, { key, name }: Row): string | null {
  if (key === "") return null;
  switch (subject) {
    case "campaign":
      return `/campaigns/${key}`;
    case "creative":
      return creativeAddress({ creativeId: name ?? key, buyerId: null });
    case "format":
      return `/creatives?format=${encodeURIComponent(key)}`;
    case "seat":
      return `/creatives?buyer_id=${encodeURIComponent(key)}`;
    case "country":
      return `/creatives?geography=${encodeURIComponent(key)}`;
    case "advertiser":
      return `/creatives?advertiser=${encodeURIComponent(key)}`;
    case "genre":
      return "/opportunities/countries";
    default:
      return null;
  }
}

/** The columns of an answer: those of its comparison where there is one. */
export function answerColumns(answer: QuestionAnswer, currency: string, isOneBadge = false): Column<Row>[] {
  const subject = subjectOf(answer);
  const metric = metricOf(answer);
  const money = moneyIn<Row>(currency);
  const figure = (name: "value" | "other", label: string): Column<Row> =>
    metric === "spend"
      ? money(name, label, (row) => row[name])
      : { name, label, kind: "ratio", value: (row) => row[name] };
  const { other } = answer;
  const isUncertain = isRatio(metric) && answer.question["compare"] !== null;
  const isShare = isComparedByShare(answer.question["compare"]);
  const why = (row: Row) => (row.isClear === false ? "too few clicks or impressions to say" : null);
  const ratio = (name: "percent" | "difference" | "low" | "high", label: string): Column<Row> => ({
    ...{ name, label, kind: name === "percent" || (isShare && name !== "difference") ? "percent" : "ratio", why },
    value: (row) => row[name],
  });
  return [
    {
      name: "name",
      label: subjectWords[subject].replace(/^./, (first) => first.toUpperCase()),
      kind: "text",
      value: (row) => row.name,
      show: (row) => (
        <>
          <Named subject={subject} row={row} /> {isOneBadge ? null : <Origin of={row.origin} />}
        </>
      ),
    },
    figure("value", answer.value),
    ...(other === null
      ? []
      : [figure("other", other), ratio("percent", "Apart"), { ...ratio("difference", "Difference"), isExtra: true }]),
    ...(isUncertain
      ? [
          { ...ratio("low", "Between"), isExtra: true },
          { ...ratio("high", "and"), isExtra: true },
          { name: "isClear", label: "Clear", kind: "text" as const, value: (row: Row) => row.isClear, show: Clear },
        ]
      : []),
    { name: "impressions", label: "Impressions", kind: "count", value: (row) => row.impressions, isExtra: true },
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    money("spend", "Spend", (row) => row.spend),
    ...(["key", "otherImpressions", "otherClicks", "otherSpend"] as const).map((name): Column<Row> => ({
      name,
      label: name,
      kind: "text",
      value: (row) => row[name],
      isFileOnly: true,
    })),
    { ...originColumn, isFileOnly: true },
  ];
}

/** Whether rows are held apart by percent, and the bounds are in percent with that. */
const isComparedByShare = (compare: unknown) =>
  typeof compare === "object" && compare !== null && "by" in compare && "percent" in (compare.by as object);

function Named({ subject, row }: { subject: Subject; row: Row }) {
  const href = behind(subject, row);
  if (row.name === null) return <None why={`files do not say the ${subject}`} />;
  return href === null ? <Name of={row.name} /> : <a href={href}>{row.name}</a>;
}

const Clear = ({ isClear }: Row) => (isClear === true ? "yes" : "not sure");

/** What was asked, which days it was of, and the rows; what is left out is said. */
export function Answer({
  of,
  json,
  at,
  currency,
}: {
  of: QuestionAnswer;
  json: string;
  at: At<unknown>;
  currency: string;
}) {
  const { days, unknown, rows } = of;
  const fact = factsOf(json);
  return (
    <>
      {unknown.length === 0 ? null : (
        <Notice tone="warning" title="Nothing is called that">
          {withoutDirection(unknown.join(", "))}
        </Notice>
      )}
      {days === null ? null : (
        <p class="quiet">
          {days.from} to {days.to}
          {days.before === null ? "" : `, against ${days.before.from} to ${days.before.to}`}:{" "}
          <Fact of={fact("days.withRows", days.withRows)}>{countText(days.withRows)}</Fact> complete days with rows
          {days.without.length === 0
            ? ""
            : `, none of ${days.without.slice(0, 5).join(", ")}${days.without.length > 5 ? " and others" : ""}`}
          .{" "}
          {days.recordsAt === null ? null : (
            <>
              Records as of <Moment at={new Date(days.recordsAt)} zone={at.zone} />; a file that comes later may correct
              them.{" "}
            </>
          )}
          <Fact of={fact("matched", of.matched)}>{countText(of.matched)}</Fact> of{" "}
          <Fact of={fact("compared", of.compared)}>{countText(of.compared)}</Fact> {subjectWords[subjectOf(of)]}{" "}
          compared; <Fact of={fact("belowFloor", of.belowFloor)}>{countText(of.belowFloor)}</Fact> below the floor.{" "}
          <SandboxOnce of={rows} />
        </p>
      )}
      <Table
        columns={answerColumns(of, currency, areAllSandbox(rows))}
        rows={rows}
        caption={of.words}
        zone={at.zone}
        json={{ url: json, path: "rows" }}
        empty={
          days === null ? (
            <Empty title="No day that is over has rows">
              Import <a href="/files">a file</a> of ad performance first.
            </Empty>
          ) : (
            <Empty title="Nothing fulfils it">
              {countText(of.compared)} {subjectWords[subjectOf(of)]} were compared. A lower floor or more days may say
              more.
            </Empty>
          )
        }
      />
      {rows.some(({ isClear }) => isClear === false) ? (
        <p class="quiet">
          Not sure: with 90 % confidence the {metricWords[metricOf(of)]} may as well not be so far apart; more days
          would tell. {moneyNote(of, currency)}
        </p>
      ) : null}
    </>
  );
}

const moneyNote = (of: QuestionAnswer, currency: string) =>
  metricOf(of) === "ctr" ? "" : `Amounts in ${moneyText("0.00", currency).replaceAll(/[\d.,\s]/g, "")}.`;
