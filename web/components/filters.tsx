import { Kept } from "./parts.tsx";

export interface Filter {
  name: string;
  label: string;
  kind: "text" | "search" | "date" | "choice";
  /** Of a choice: what there is to choose, by what the address says; "" is everything. */
  choices?: readonly (readonly [value: string, label: string])[];
  /** Of a text: what is often typed. */
  suggestions?: readonly string[];
}

/** Filters of a list as a form: what is chosen stands in the address. The period and the sorting stay. */
export function Filters({ url, filters }: { url: URL; filters: readonly Filter[] }) {
  const value = (name: string) => url.searchParams.get(name) ?? "";
  return (
    <form method="get" action={url.pathname} class="filters">
      <Kept url={url} except={[...filters.map(({ name }) => name), "cursor"]} />
      {filters.map(({ name, label, kind, choices = [], suggestions = [] }) => (
        <label key={name}>
          {label}
          {kind === "choice" ? (
            <select name={name}>
              {choices.map(([choice, shown]) => (
                <option key={choice} value={choice} selected={choice === value(name)}>
                  {shown}
                </option>
              ))}
            </select>
          ) : (
            <input
              type={kind}
              name={name}
              value={value(name)}
              list={suggestions.length > 0 ? `${name}-list` : undefined}
            />
          )}
          {suggestions.length === 0 ? null : (
            <datalist id={`${name}-list`}>
              {suggestions.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
          )}
        </label>
      ))}
      <button type="submit">Show</button>
      {filters.some(({ name }) => value(name) !== "") ? <a href={url.pathname}>Clear</a> : null}
    </form>
  );
}
