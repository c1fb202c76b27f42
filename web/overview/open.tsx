import { Name } from "../components/format.tsx";
import { Counted, Notice } from "../components/parts.tsx";
import { filesAddress } from "../files/page.tsx";
import { dayAddress } from "../freshness/page.tsx";
import type { Shown } from "./sections.tsx";

/** What is late or not final, and which figures that touches. */
export function Open({ open, today, json }: Pick<Shown, "open" | "today"> & { json: string }) {
  // Today is never final before its end: no news.
  const news = open
    .map((feed, index) => ({
      ...{ ...feed, index, provisional: feed.provisional.filter((day) => day !== today) },
      all: feed.provisional.length,
    }))
    .filter(
      ({ late, provisional, partial, failed, missing }) =>
        late !== null || provisional.length + partial.length + failed.length + missing.length > 0,
    );
  if (news.length === 0) return null;
  const isBad = news.some(({ late, failed, missing }) => late !== null || failed.length + missing.length > 0);
  return (
    <Notice tone={isBad ? "bad" : "warning"} title={isBad ? "Late, or not all there" : "Not final yet"}>
      <ul class="plain">
        {news.map(({ source, mapping, touches, late, index, all, ...days }) => (
          <li key={`${source} ${mapping ?? ""}`}>
            {mapping === null ? (
              <strong>{source}</strong>
            ) : (
              <>
                <strong>Files</strong> read as <Name of={mapping} />
              </>
            )}{" "}
            {late === null ? null : <>is late: {late}. </>}
            {(["missing", "failed", "partial", "provisional"] as const).map((state) =>
              days[state].length === 0 ? null : (
                <span key={state}>
                  {state}{" "}
                  <Days
                    days={days[state]}
                    of={{
                      json,
                      field: `open.${index}.${state}`,
                      all: state === "provisional" ? all : days[state].length,
                    }}
                    addressOf={(day) => (mapping === null ? dayAddress(source, day) : filesAddress({ mapping, day }))}
                  />
                  .{" "}
                </span>
              ),
            )}
            <span>It touches {touches}.</span>
          </li>
        ))}
      </ul>
    </Notice>
  );
}

const shownDays = 4;

interface DaysProps {
  days: readonly string[];
  /** Where its JSON route has them, and how many it has. */
  of: { json: string; field: string; all: number };
  addressOf: (day: string) => string;
}

function Days({ days, of: { json, field, all }, addressOf }: DaysProps) {
  const left = days.length - shownDays;
  return (
    <>
      {days.slice(0, shownDays).map((day, index) => (
        <>
          {index === 0 ? "" : ", "}
          <a href={addressOf(day)}>{day}</a>
        </>
      ))}
      {left > 0 ? (
        <a href="/freshness">
          {" "}
          and <Counted json={json} of={field} less={all - left} value={left} /> more
        </a>
      ) : null}
    </>
  );
}
