import { question, type Question, type QuestionInput } from "./question.ts";

interface Example {
  name: string;
  question: Question;
}

const example = (name: string, input: QuestionInput): Example => ({ name, question: question.parse(input) });

/** Three to begin with, each of another kind: a slice against another, a value, a slice against the rest. */
export const examples: readonly Example[] = [
  example("CPC on iOS more than 50 % above Android", {
    subject: "campaign",
    metric: "cpc",
    compare: {
      with: "slice",
      slice: { dimension: "os", values: ["ios"] },
      against: { dimension: "os", values: ["android"] },
      is: "above",
      by: { percent: "50" },
    },
    floor: { clicks: 30 },
  }),
  example("Creatives with more than 2 % CTR in Brazil, India and Mexico", {
    subject: "creative",
    metric: "ctr",
    where: [{ dimension: "country", values: ["BR", "IN", "MX"] }],
    compare: { with: "value", is: "above", value: "2" },
    floor: { impressions: 1_000 },
  }),
  example("Formats that work at weekends", {
    subject: "format",
    metric: "ctr",
    compare: {
      with: "slice",
      slice: { dimension: "weekday", values: ["saturday", "sunday"] },
      is: "above",
      by: { percent: "5" },
    },
    floor: { impressions: 1_000 },
  }),
];
