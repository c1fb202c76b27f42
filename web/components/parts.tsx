import type { ComponentChildren } from "preact";
import { namedPeriods, type Period } from "../shared/period.ts";
import { withQuery } from "../shared/web.ts";
import { countText, type Tone } from "./format.tsx";

/** The heading of a page, with what can be done there beside it. */
export function PageHead({
  title,
  lead,
  children,
}: {
  title: ComponentChildren;
  lead?: ComponentChildren;
  children?: ComponentChildren;
}) {
  return (
    <div class="page-head">
      <div>
        <h1>{title}</h1>
        {lead === undefined ? null : <p class="lead">{lead}</p>}
      </div>
      {children === undefined ? null : <div class="actions">{children}</div>}
    </div>
  );
}

/** Named periods as links, and a form for any other. The other filters of the address stay. */
export function PeriodPicker({ url, period }: { url: URL; period: Period }) {
  return (
    <div class="period" role="group" aria-label="Period">
      {namedPeriods.map(({ name, label, key }) => (
        <a
          key={name}
          href={withQuery(url, { period: name, from: null, to: null })}
          data-key={key}
          aria-current={period.name === name ? "true" : undefined}
        >
          {label}
        </a>
      ))}
      <form method="get" action={url.pathname}>
        <Kept url={url} except={["period", "from", "to", "cursor"]} />
        <label>
          <span class="visually-hidden">First day</span>
          <input type="date" name="from" value={period.from} required />
        </label>
        <span aria-hidden="true">–</span>
        <label>
          <span class="visually-hidden">Last day</span>
          <input type="date" name="to" value={period.to} required />
        </label>
        <button type="submit">Show</button>
      </form>
    </div>
  );
}

/** The filters that a form keeps as they are. */
export function Kept({ url, except }: { url: URL; except: readonly string[] }) {
  return (
    <>
      {[...url.searchParams]
        .filter(([name]) => !except.includes(name))
        .map(([name, value]) => (
          <input key={name} type="hidden" name={name} value={value} />
        ))}
    </>
  );
}

/** Something to know before reading on. `alert` is read aloud at once. */
export function Notice({ tone, title, children }: { tone: Tone; title?: string; children: ComponentChildren }) {
  return (
    <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      {title === undefined ? null : <strong>{title}</strong>}
      <div>{children}</div>
    </div>
  );
}

/** What to do when there is nothing to show yet. */
export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      <div>{children}</div>
    </div>
  );
}

/** What is shown as a file; `without`: what of the address says nothing about rows. */
export function ExportLink({ url, path, without = [] }: { url: URL; path?: string; without?: readonly string[] }) {
  const to = new URL(url);
  to.pathname = path ?? `${url.pathname === "/" ? "/today" : url.pathname}.csv`;
  return (
    <a
      class="button"
      href={withQuery(to, Object.fromEntries(without.map((name) => [name, null])))}
      data-key="e"
      download
    >
      Export CSV
    </a>
  );
}

/** What the filters of a list leave in all, above the list that shows it page by page; null where that is not counted. */
export function Counts({
  json,
  of,
  isMore = false,
}: {
  json: string;
  of: readonly (readonly [field: string, label: string, value: number | null])[];
  /** There are more than were counted. */
  isMore?: boolean;
}) {
  const fact = factsOf(json);
  return (
    <div class="cards">
      {of
        .filter(([, , value]) => value !== null)
        .map(([field, label, value]) => (
          <Figure
            key={field}
            label={label}
            value={isMore ? `more than ${countText(value ?? 0)}` : countText(value ?? 0)}
            fact={fact(field, value)}
          />
        ))}
      {isMore ? <p class="quiet">Choose a filter to have fewer of them, and all of them counted.</p> : null}
    </div>
  );
}

/** The next page of a list that is read from a place on; of several lists on a page, each has its own name for it. */
export function NextPage({ url, next, name = "cursor" }: { url: URL; next: string | null; name?: string }) {
  if (next === null && !url.searchParams.has(name)) return null;
  return (
    <nav class="pages" aria-label="Pages of this list">
      {url.searchParams.has(name) ? <a href={withQuery(url, { [name]: null })}>First page</a> : null}
      {next === null ? null : (
        <a href={withQuery(url, { [name]: next })} rel="next">
          Next page
        </a>
      )}
    </nav>
  );
}

/** Which JSON route says the same, and where in its answer: a test compares them. */
export interface FactOf {
  json: string;
  field: string;
  value: string;
}

const factData = (of: FactOf | undefined) =>
  of === undefined ? {} : { "data-json": of.json, "data-fact": of.field, "data-value": of.value };

/** A figure within a text. */
export const Fact = ({ of, children }: { of: FactOf; children: ComponentChildren }) => (
  <span {...factData(of)}>{children}</span>
);

/** A maker of facts of one answer: what is not known is empty. */
export const factsOf =
  (json: string) =>
  (field: string, value: string | number | null | undefined): FactOf => ({ json, field, value: String(value ?? "") });

/** A number of things within a text. */
export const Count = ({ json, field, of }: { json: string; field: string; of: number }) => (
  <Fact of={factsOf(json)(field, of)}>{countText(of)}</Fact>
);

interface CountedProps {
  json: string;
  /** Where the list is that is counted. */
  of: string;
  /** Only its items with these values. */
  where?: Readonly<Record<string, string>>;
  /** Less those that are shown, more those that another field says were left out. */
  less?: number;
  plus?: string | undefined;
  value: number;
}

/** How many items a list of a JSON route has: a test counts them. */
export const Counted = ({ json, of, where, less, plus, value }: CountedProps) => (
  <span
    data-json={json}
    data-count={of}
    data-where={where === undefined ? undefined : new URLSearchParams(where).toString()}
    data-less={less}
    data-plus={plus}
    data-value={value}
  >
    {countText(value)}
  </span>
);

/** One figure with its name, what it is compared with, and a link to what it is made of. */
export interface FigureProps {
  label: string;
  value: ComponentChildren;
  href?: string;
  fact?: FactOf;
  children?: ComponentChildren;
}

export function Figure({ label, value, href, fact, children }: FigureProps) {
  return (
    <div class="figure-card">
      <div class="label">{label}</div>
      <div class="value" {...factData(fact)}>
        {href === undefined ? value : <a href={href}>{value}</a>}
      </div>
      {children === undefined ? null : <div class="beside">{children}</div>}
    </div>
  );
}
