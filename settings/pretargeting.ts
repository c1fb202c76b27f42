import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, onOff, wholeNumber } from "./shapes.ts";

const shape = z.object({
  PRETARGETING_APPLY: onOff
    .default("off")
    .meta(
      about(
        "Whether changes of pretargeting that an operator approved may be made at Google. Off, a plan is a dry run. Not verified against Google: see pretargeting.md.",
      ),
    ),
  PRETARGETING_WATCH_SECONDS: wholeNumber(1, 86_400)
    .default(3_600)
    .meta(about("How long the bidder's QPS is watched at each step, and before the first one.", { unit: "s" })),
  PRETARGETING_CHECK_SECONDS: wholeNumber(1, 3_600)
    .default(60)
    .meta(about("How often it is looked at meanwhile; a look takes in five times as long.", { unit: "s" })),
  PRETARGETING_SILENT_SECONDS: wholeNumber(1, 86_400)
    .default(900)
    .meta(about("A QPS feed that says nothing for longer is silent: a change is rolled back.", { unit: "s" })),
  PRETARGETING_ANSWER_SECONDS: wholeNumber(1, 120)
    .default(30)
    .meta(
      about(
        "How long Google may take to answer. What had no answer by then may still arrive: it is looked for once more after that time.",
        { unit: "s" },
      ),
    ),
});

export const pretargetingArea = defineArea({ title: "Pretargeting", needs: "worker, API", shape });

export interface PretargetingSettings {
  isApplied: boolean;
  watchSeconds: number;
  checkSeconds: number;
  silentSeconds: number;
  answerSeconds: number;
}

export function readPretargetingSettings(reader: SettingsReader): PretargetingSettings {
  const values = reader.values(shape);
  return {
    isApplied: values.PRETARGETING_APPLY === "on",
    watchSeconds: values.PRETARGETING_WATCH_SECONDS,
    checkSeconds: values.PRETARGETING_CHECK_SECONDS,
    silentSeconds: values.PRETARGETING_SILENT_SECONDS,
    answerSeconds: values.PRETARGETING_ANSWER_SECONDS,
  };
}
