import { z } from "zod";
import { Badge, countText, moneyText, Name } from "../components/format.tsx";
import { Figure, Notice, PageHead } from "../components/parts.tsx";
import { call, form, page, param } from "../shared/page.tsx";
import { keepers, withQuery, type At, type Web } from "../shared/web.ts";
import { previews, type Preview, type PreviewUnderWay } from "./answers.ts";
import { FirstLines } from "./first-lines.tsx";

const text = z.string().trim().max(10_000).optional();
/** How the file is read, in the address: one constant and one column a line. */
const query = { mapping: text, constants: text, ignore: text };
type ReadAs = z.output<z.ZodObject<typeof query>>;

/** How a file would be read, before anything of it is stored. */
export function previewPages(web: Web): void {
  page(web, { url: "/files/preview/:id", who: keepers, query }, async (at) => {
    const json = addressOf(at);
    const { body: found } = await call<Preview | PreviewUnderWay>(web, at.request, { method: "GET", url: json });
    if (found.state === "running")
      return {
        title: "Reading the file",
        body: (
          <div id="state" data-live="1" data-then="reload">
            <PageHead title="Reading the file" />
            <Notice tone="note">The first lines are being read. This page shows them as soon as they are here.</Notice>
          </div>
        ),
      };
    return { title: found.name, body: <PreviewBody found={found} at={at} json={json} /> };
  });

  const body = z.object({ ...query, force: z.enum(["true"]).optional() });
  form(web, { url: "/files/preview/:id/import", who: keepers, body }, async (at, asked) => {
    const { mapping, constant, ignore } = readAs(asked);
    const { body: accepted } = await call<{ importId: string }>(web, at.request, {
      method: "POST",
      url: `${previews}/${param(at, "id")}/import`,
      body: { mapping, constant, ignore, force: asked.force === "true" },
    });
    return `/files/${accepted.importId}`;
  });
}

const linesOf = (typed: string | undefined) =>
  (typed ?? "")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");

function readAs({ mapping, constants, ignore }: ReadAs) {
  const [constant, columns] = [linesOf(constants), linesOf(ignore)];
  return {
    mapping,
    constant: constant.length === 0 ? undefined : constant,
    ignore: columns.length === 0 ? undefined : columns,
  };
}

function addressOf(at: At<ReadAs>): string {
  const { mapping, constant = [], ignore = [] } = readAs(at.query);
  const asked = new URLSearchParams(mapping === undefined ? [] : [["mapping", mapping]]);
  for (const one of constant) asked.append("constant", one);
  for (const one of ignore) asked.append("ignore", one);
  const search = asked.toString();
  return `${previews}/${param(at, "id")}${search === "" ? "" : `?${search}`}`;
}

interface Props {
  found: Preview;
  at: At<ReadAs>;
  json: string;
}

function PreviewBody({ found, at, json }: Props) {
  const { refusal } = found;
  return (
    <>
      <PageHead title={found.name} lead="How it would be read. Nothing of it is stored yet.">
        {refusal === null ? <ImportForm found={found} at={at} /> : null}
      </PageHead>
      <Verdict found={found} />
      <Facts found={found} json={json} />
      <ReadAsForm found={found} at={at} />
      <FirstLines
        found={found}
        leaveOut={(name) => withQuery(at.url, { ignore: [at.query.ignore, name].filter(Boolean).join("\n") })}
      />
    </>
  );
}

function ImportForm({ found, at }: Pick<Props, "found" | "at">) {
  return (
    <form method="post" action={`${at.url.pathname}/import`}>
      {Object.entries(at.query).map(([name, value]) =>
        value === undefined ? null : <input key={name} type="hidden" name={name} value={value} />,
      )}
      {found.imported === null ? null : <input type="hidden" name="force" value="true" />}
      {found.imported !== null || found.createsCreatives !== null ? null : (
        <label>
          <input type="checkbox" name="force" value="true" /> also if it takes away most of a day
        </label>
      )}
      <button type="submit" class="primary">
        {found.imported === null ? "Import" : "Import it again"}
      </button>
    </form>
  );
}

function Verdict({ found }: Pick<Props, "found">) {
  const { refusal, read, imported } = found;
  const looked = read.isAll ? `${countText(read.lines)} lines` : `the first ${countText(read.lines)} lines`;
  return (
    <>
      {imported === null ? null : (
        <Notice tone="note" title="Nothing new">
          The same content was imported before: <a href={`/files/${imported.fileId}`}>file {imported.fileId}</a>. Rows
          that later files have replaced would be written again.
        </Notice>
      )}
      {refusal !== null ? (
        <Notice tone="bad" title="It would be refused">
          {refusal.reason}
        </Notice>
      ) : read.rejected > 0 ? (
        <Notice tone="warning" title={`${countText(read.rejected)} of ${looked} would be rejected`}>
          The others would be stored. Rejected lines are kept: you can correct them after the import.
        </Notice>
      ) : (
        <Notice tone="good">Of {looked} none would be rejected.</Notice>
      )}
    </>
  );
}

function Facts({ found, json }: Pick<Props, "found" | "json">) {
  const { mapping, refusal, read, sum, days, currency, timezone, encoding, delimiter, preamble, createsCreatives } =
    found;
  return (
    <div class="cards">
      <Figure label="Read as" value={mapping.name} fact={{ json, field: "mapping.name", value: mapping.name }}>
        {mapping.isRecognised ? "recognised by its header" : "as asked"}
      </Figure>
      {refusal !== null && read.lines === 0 ? null : (
        <>
          <Figure
            label={read.isAll ? "Lines" : "Lines looked at"}
            value={countText(read.lines)}
            fact={{ json, field: "read.lines", value: String(read.lines) }}
          >
            {read.isAll ? "the whole file" : "of the first megabyte"}
          </Figure>
          <Figure
            label="Would be rejected"
            value={countText(read.rejected)}
            fact={{ json, field: "read.rejected", value: String(read.rejected) }}
          >
            {createsCreatives === null
              ? "a report may name any creative"
              : createsCreatives
                ? "creatives that are not known are created"
                : "lines of creatives that are not known, too"}
          </Figure>
        </>
      )}
      {sum === null ? null : (
        <Figure
          label="Spend of the good lines"
          value={moneyText(sum.spend, currency)}
          fact={{ json, field: "sum.spend", value: sum.spend }}
        >
          {days.from === null ? "no day" : days.from === days.to ? days.from : `${days.from} to ${days.to}`}
        </Figure>
      )}
      <Figure label="Currency and days" value={currency}>
        days end at midnight in {timezone.replaceAll("_", " ")}
      </Figure>
      <Figure label="Text" value={(encoding ?? "unknown").toUpperCase()}>
        {delimiter === null ? (
          "no columns found"
        ) : delimiter === "json" ? (
          "records of JSON"
        ) : (
          <>
            columns divided by <Name of={dividers[delimiter] ?? delimiter} />
          </>
        )}
        {preamble === 0 ? "" : `, ${preamble} lines above the header`}
      </Figure>
    </div>
  );
}

const dividers: Record<string, string> = { ",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars" };

function ReadAsForm({ found, at }: Pick<Props, "found" | "at">) {
  const { mapping, constants, ignore } = at.query;
  const isOther = mapping !== undefined && !found.mappings.some(({ name }) => name === mapping);
  return (
    <details open={found.refusal !== null || [mapping, constants, ignore].some((given) => given !== undefined)}>
      <summary>Read it differently</summary>
      <form class="panel stack" method="get" action={at.url.pathname}>
        <label>
          Mapping
          <select name="mapping">
            <option value="">recognised by the header</option>
            {found.mappings.map(({ name, title }) => (
              <option key={name} value={name} title={title} selected={mapping === name}>
                {name}
              </option>
            ))}
            {isOther ? (
              <option value={mapping} selected>
                {mapping}
              </option>
            ) : null}
          </select>
        </label>
        <label>
          Values of columns that are missing, one a line, such as clicks=0
          <textarea name="constants" rows={2} spellcheck={false}>
            {constants}
          </textarea>
        </label>
        <label>
          Columns to leave out, one a line
          <textarea name="ignore" rows={2} spellcheck={false}>
            {ignore}
          </textarea>
        </label>
        <div>
          <button type="submit">Look again</button> <Badge tone="quiet">nothing is stored</Badge>
        </div>
      </form>
    </details>
  );
}
