import { z } from "zod";
import { comparedWith, dimensions, metrics, subjects } from "../../rules/intelligence/question.ts";
import type { questionFields } from "../../rules/intelligence/question-fields.ts";
import { splitValues, type ConditionField, type QuestionFields } from "../../rules/intelligence/question-fields.ts";
import { metricWords, subjectWords } from "../../rules/intelligence/question-words.ts";

const field = z.string().max(2_000).optional();
/** Conditions of a form: as many as a person needs at once. The typed form takes more. */
const places = ["a", "b", "c"] as const;

/** What the form puts into the address. */
export const formQuery = {
  ...{ subject: field, metric: field, with: field, side: field, far: field, unit: field },
  ...{ a: field, a_is: field, a_values: field, b: field, b_is: field, b_values: field },
  ...{ c: field, c_is: field, c_values: field },
  ...{ slice: field, slice_values: field, against: field, against_values: field },
  ...{ days: field, from: field, to: field },
  ...{ least_impressions: field, least_clicks: field, least_spend: field, clear: field, sort: field, limit: field },
};
export type FormQuery = Partial<z.output<z.ZodObject<typeof formQuery>>>;

const condition = (dimension = "", is = "in", values = ""): ConditionField[] =>
  dimension === "" ? [] : [{ dimension, is, values: splitValues(values) }];

/** As a form sends it: a number that is none is NaN, which the language refuses by name. */
const whole = (text: string | undefined) => (text === undefined || text === "" ? 0 : Number(text));

/** The flat fields that a form says. */
export function fieldsOfForm(form: FormQuery): z.input<typeof questionFields> {
  const isValue = form.with === "value";
  const far = form.far ?? "";
  return {
    subject: form.subject ?? "",
    metric: form.metric ?? "",
    conditions: places.flatMap((at) => condition(form[at], form[`${at}_is`], form[`${at}_values`])),
    compare_with: form.with ?? "none",
    above_or_below: form.side ?? "",
    value: isValue ? far : "",
    percent: !isValue && form.unit !== "amount" ? far : "",
    amount: !isValue && form.unit === "amount" ? far : "",
    slice: condition(form.slice, "in", form.slice_values),
    against: condition(form.against, "in", form.against_values),
    ...{ days: whole(form.days), from: form.from ?? "", to: form.to ?? "" },
    ...{ least_impressions: whole(form.least_impressions), least_clicks: whole(form.least_clicks) },
    ...{ least_spend: form.least_spend ?? "", only_clear: form.clear === "yes" },
    ...{ sort: form.sort ?? "", limit: whole(form.limit) },
  };
}

const oneOf = (named: Readonly<Record<string, string>>, all: readonly string[]) =>
  all.map((one) => [one, named[one] ?? one] as const);
const comparedWords: Record<string, string> = {
  none: "nothing: a plain list",
  value: "a number",
  slice: "one part of each against another part, or against the rest",
  rest: "each against all others",
  median: "each against the median",
  period_before: "each against as many days before",
};

interface Choice {
  name: string;
  label: string;
  of: readonly (readonly [value: string, label: string])[];
  chosen: string;
}

const Select = ({ name, label, of, chosen }: Choice) => (
  <label>
    {label}
    <select name={name}>
      {of.map(([value, shown]) => (
        <option key={value} value={value} selected={value === chosen}>
          {shown}
        </option>
      ))}
    </select>
  </label>
);

interface Typed {
  name: string;
  label: string;
  value: string;
  kind?: "text" | "number" | "date";
}

const Text = ({ name, label, value, kind = "text" }: Typed) => (
  <label>
    {label}
    <input
      type={kind}
      name={name}
      value={value}
      list={name.endsWith("_values") ? "known-values" : undefined}
      {...(kind === "number" ? { min: "0" } : {})}
    />
  </label>
);

const partOf = [["", "–"], ...oneOf({ os: "operating system" }, dimensions)] as const;
const isOrNot = [
  ["in", "is one of"],
  ["not_in", "is none of"],
] as const;
const shown = (number: number) => (number === 0 || Number.isNaN(number) ? "" : String(number));

/** A question as a form of choices: values are typed, and are never more than values. */
export function QuestionForm({
  of,
  values,
}: {
  of: QuestionFields;
  values: Readonly<Record<string, readonly string[]>>;
}) {
  const [slice] = of.slice;
  const [against] = of.against;
  const isAmount = of.amount !== "";
  return (
    <form method="get" action="/questions/ask" class="filters groups">
      <fieldset>
        <legend>What</legend>
        <Select name="subject" label="One row for each of" of={oneOf(subjectWords, subjects)} chosen={of.subject} />
        <Select name="metric" label="Measured by" of={oneOf(metricWords, metrics)} chosen={of.metric} />
      </fieldset>
      <fieldset>
        <legend>Held against</legend>
        <Select
          name="with"
          label="What"
          of={oneOf(comparedWords, ["none", ...comparedWith])}
          chosen={of.compare_with}
        />
        <Select name="side" label="Which way" of={oneOf({}, ["above", "below"])} chosen={of.above_or_below} />
        <Text
          name="far"
          label="By how much, or the number"
          value={of.value !== "" ? of.value : isAmount ? of.amount : of.percent}
        />
        <Select name="unit" label="In" of={units} chosen={isAmount ? "amount" : "percent"} />
        <Select name="slice" label="The part" of={partOf} chosen={slice?.dimension ?? ""} />
        <Text name="slice_values" label="which is" value={(slice?.values ?? []).join(", ")} />
        <Select name="against" label="Against the part" of={partOf} chosen={against?.dimension ?? ""} />
        <Text name="against_values" label="that is" value={(against?.values ?? []).join(", ")} />
      </fieldset>
      <fieldset>
        <legend>Only where</legend>
        {places.map((at, index) => (
          <Condition key={at} at={at} of={of.conditions[index]} />
        ))}
      </fieldset>
      <fieldset>
        <legend>Days</legend>
        <Text name="days" label="Complete days" value={shown(of.days)} kind="number" />
        <Text name="from" label="or from" value={of.from} kind="date" />
        <Text name="to" label="to" value={of.to} kind="date" />
      </fieldset>
      <fieldset>
        <legend>So that noise is not answered</legend>
        <Text name="least_impressions" label="Least impressions" value={shown(of.least_impressions)} kind="number" />
        <Text name="least_clicks" label="Least clicks" value={shown(of.least_clicks)} kind="number" />
        <Text name="least_spend" label="Least spend" value={of.least_spend} />
        <Text name="limit" label="Rows at most" value={shown(of.limit)} kind="number" />
        <label class="box">
          <input type="checkbox" name="clear" value="yes" checked={of.only_clear} /> only where chance is no explanation
        </label>
      </fieldset>
      <datalist id="known-values">
        {[...new Set([...Object.values(values).flat(), ...usualValues])].map((value) => (
          <option key={value} value={value} />
        ))}
      </datalist>
      <button type="submit">Ask</button>
    </form>
  );
}

const units = oneOf({ percent: "percent", amount: "the metric itself" }, ["percent", "amount"]);
const usualValues = ["ios", "android", "saturday", "sunday", "mobile", "desktop", "tablet"];

const Condition = ({ at, of }: { at: (typeof places)[number]; of: ConditionField | undefined }) => (
  <>
    <Select name={at} label={at === "a" ? "Only where" : "and where"} of={partOf} chosen={of?.dimension ?? ""} />
    <Select name={`${at}_is`} label="holds" of={isOrNot} chosen={of?.is ?? "in"} />
    <Text name={`${at}_values`} label="values, with commas" value={(of?.values ?? []).join(", ")} />
  </>
);
