import { z } from "zod";
import type { ServerParts } from "../../api/server/parts.ts";
import type { ListedState } from "../../rules/shared/listed-states.ts";
import { Badge, Name, type Tone } from "./format.tsx";
import { WorkflowLink } from "./links.tsx";
import { Notice } from "./parts.tsx";
import type { Column } from "./table.tsx";

const states: Record<ListedState, { tone: Tone; word: string }> = {
  new: { tone: "note", word: "new" },
  seen: { tone: "quiet", word: "seen" },
  planned: { tone: "good", word: "planned" },
  snoozed: { tone: "quiet", word: "snoozed" },
  dismissed: { tone: "quiet", word: "dismissed" },
  done: { tone: "good", word: "done" },
  gone: { tone: "quiet", word: "does not hold any more" },
};
export const stateWord = (state: ListedState) => states[state].word;

export function State({ of }: { of: { state: ListedState; snoozedUntil: string | null } }) {
  const { tone, word } = states[of.state];
  return (
    <Badge tone={tone}>
      {word}
      {of.snoozedUntil === null ? "" : ` until ${of.snoozedUntil}`}
    </Badge>
  );
}

/** What was just asked for: the workflow of the search, and since when it is awaited. */
export const searchQuery = {
  running: z.string().max(500).optional(),
  since: z.iso.datetime().optional(),
};

interface Asked {
  running?: string | undefined;
  since?: string | undefined;
  /** When the last search ended. */
  lastAt: string | undefined;
  parts: Pick<ServerParts, "settings">;
}

/** A search that was asked for: the page reads itself again until it is over. */
export function Running({ running, since, lastAt = "", parts }: Asked) {
  if (running === undefined || since === undefined) return null;
  const isOver = lastAt > since;
  return (
    <div id="running" {...(isOver ? {} : { "data-live": "2", "data-then": "reload" })}>
      <Notice tone={isOver ? "good" : "note"} title={isOver ? "Looked through" : "Being looked for"}>
        <WorkflowLink parts={parts} workflowId={running}>
          {isOver ? "Its workflow" : "Follow it in Temporal"}
        </WorkflowLink>
      </Notice>
    </div>
  );
}

interface Decided {
  /** Where it is posted to. */
  action: string;
  state: ListedState;
  today: string;
  /** One press is enough for them. */
  simple: readonly (readonly [state: ListedState, word: string])[];
  /** What follows from each. */
  doneNote: string;
  dismissNote: string;
}

/** The forms by which a person says what they make of one. */
export function Decide({ action, state, today, simple, doneNote, dismissNote }: Decided) {
  const seen = <input type="hidden" name="expectedState" value={state} />;
  const press = (to: ListedState, word: string) =>
    state === to ? null : (
      <form key={to} method="post" action={action}>
        <input type="hidden" name="state" value={to} />
        {seen}
        <button type="submit">{word}</button>
      </form>
    );
  return (
    <section class="panel" aria-labelledby="decide">
      <h2 id="decide">What do you make of it?</h2>
      <div class="row">
        {simple.map(([to, word]) => press(to, word))}
        {["dismissed", "snoozed", "done", "gone"].includes(state) ? press("new", "Open again") : null}
      </div>
      <div class="columns">
        <form method="post" action={action} class="row">
          <input type="hidden" name="state" value="done" />
          {seen}
          <label>
            Done on <input type="date" name="done_on" value={today} max={today} required />
          </label>
          <label>
            What was done <input name="reason" maxLength={500} />
          </label>
          <button type="submit">Done</button>
          <span class="quiet">{doneNote}</span>
        </form>
        <form method="post" action={action} class="row">
          <input type="hidden" name="state" value="snoozed" />
          {seen}
          <label>
            Until <input type="date" name="until" min={today} required />
          </label>
          <label>
            Why later <input name="reason" required maxLength={500} />
          </label>
          <button type="submit">Snooze</button>
        </form>
        <form method="post" action={action} class="row">
          <input type="hidden" name="state" value="dismissed" />
          {seen}
          <label>
            Why not <input name="reason" required maxLength={500} />
          </label>
          <button type="submit" class="danger">
            Dismiss
          </button>
          <span class="quiet">{dismissNote}</span>
        </form>
      </div>
    </section>
  );
}

interface Change {
  at: string;
  from: ListedState | null;
  to: ListedState;
  actor: string;
  reason: string | null;
}

/** What became of one, line by line. */
export const changeColumns: Column<Change>[] = [
  { name: "at", label: "When", kind: "moment", value: (row) => new Date(row.at) },
  {
    name: "to",
    label: "State",
    kind: "text",
    value: (row) => row.to,
    show: ({ from, to }) => (from === null ? stateWord(to) : `${stateWord(from)} → ${stateWord(to)}`),
  },
  { name: "actor", label: "Who", kind: "text", value: (row) => row.actor, show: ({ actor }) => <Name of={actor} /> },
  {
    name: "reason",
    label: "Why",
    kind: "text",
    isLong: true,
    value: (row) => row.reason,
    why: () => "no reason was given",
  },
];
