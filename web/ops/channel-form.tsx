import { z } from "zod";
import { severities } from "../../rules/ops/channel.ts";
import type { Channel } from "./answers.ts";

const ticked = z.enum(["on"]).optional();

/** What the form says of a channel: a box that is not ticked is left out by the browser. */
export const channelForm = z.object({
  name: z.string().trim().min(1, "give it a name").max(100),
  areas: z.string().trim().max(1_000).optional(),
  leastSeverity: z.enum(severities),
  quietFrom: z.string().optional(),
  quietTo: z.string().optional(),
  isGrouped: ticked,
  tellsResolved: ticked,
  tellsMorning: ticked,
  criticalPasses: ticked,
  isActive: ticked,
});

/** The same as the JSON route takes it. */
export function toBody(given: z.output<typeof channelForm>): Record<string, unknown> {
  const areas = (given.areas ?? "")
    .split(",")
    .map((area) => area.trim())
    .filter((area) => area !== "");
  return {
    name: given.name,
    areas: areas.length === 0 ? null : areas,
    leastSeverity: given.leastSeverity,
    quietFrom: given.quietFrom ?? null,
    quietTo: given.quietTo ?? null,
    isGrouped: given.isGrouped === "on",
    tellsResolved: given.tellsResolved === "on",
    tellsMorning: given.tellsMorning === "on",
    criticalPasses: given.criticalPasses === "on",
    isActive: given.isActive === "on",
  };
}

export function ChannelForm({ of, zone }: { of: Channel | null; zone: string }) {
  return (
    <form class="stack panel" method="post" action={of === null ? "/channels/new" : "/channels/change"}>
      {of === null ? null : <input type="hidden" name="channel" value={of.channelId} />}
      {of?.snoozedUntil == null ? null : <input type="hidden" name="snoozedUntil" value={of.snoozedUntil} />}
      <label>
        Name
        <input name="name" value={of?.name} required maxLength={100} />
      </label>
      <Where of={of} />
      <label>
        Areas, separated by commas; empty is all
        <input name="areas" value={of?.areas?.join(", ")} placeholder="sync, recon, spend" />
      </label>
      <label>
        Alerts from this severity on
        <select name="leastSeverity">
          {severities.map((severity) => (
            <option key={severity} value={severity} selected={(of?.leastSeverity ?? "info") === severity}>
              {severity}
            </option>
          ))}
        </select>
      </label>
      <label>
        Quiet from ({zone.replaceAll("_", " ")})
        <input type="time" name="quietFrom" value={of?.quietFrom ?? ""} />
      </label>
      <label>
        Quiet to
        <input type="time" name="quietTo" value={of?.quietTo ?? ""} />
      </label>
      <Box name="criticalPasses" label="Critical alerts are sent in quiet hours, too" on={of?.criticalPasses ?? true} />
      <Box name="isGrouped" label="More than five at once are one message" on={of?.isGrouped ?? true} />
      <Box name="tellsResolved" label="Notified when an alert is closed, too" on={of?.tellsResolved ?? true} />
      <Box name="tellsMorning" label="Gets the morning digest" on={of?.tellsMorning ?? false} />
      <Box name="isActive" label="In use" on={of?.isActive ?? true} />
      <button type="submit" class="primary">
        {of === null ? "Make the channel" : "Save"}
      </button>
    </form>
  );
}

function Where({ of }: { of: Channel | null }) {
  if (of?.isSetting === true) return <p>Its address is the setting ALERT_WEBHOOK_URL.</p>;
  return (
    <>
      {of === null ? (
        <label>
          Kind
          <select name="kind">
            <option value="slack">Slack, an incoming webhook</option>
            <option value="email">mail</option>
            <option value="webhook">another webhook</option>
          </select>
        </label>
      ) : null}
      <label>
        {of === null ? "Address: the webhook's URL, or a mail address" : "Another address; empty keeps the one it has"}
        <input name="address" required={of === null} autocomplete="off" spellcheck={false} />
      </label>
    </>
  );
}

function Box({ name, label, on }: { name: string; label: string; on: boolean }) {
  return (
    <label class="box">
      <input type="checkbox" name={name} checked={on} /> {label}
    </label>
  );
}
