import type { z } from "zod";
import type { geographicAnswer } from "../../api/intelligence/geographic.ts";
import { moneyIn } from "../components/columns.ts";
import { moneyText, Name, None } from "../components/format.tsx";
import { Counted, Empty, ExportLink, Fact, factsOf, PageHead } from "../components/parts.tsx";
import type { Column } from "../components/table.tsx";
import { toCsv } from "../shared/csv.ts";
import { download, get, page } from "../shared/page.tsx";
import { readers, type Web } from "../shared/web.ts";
import { currencyOf } from "../rtb/creatives.tsx";
import { countryName } from "../rtb/marks.tsx";

type Geographic = z.infer<typeof geographicAnswer>;
type MatrixCell = Geographic["matrix"][number];

const json = "/api/v1/rtb/insights/geographic";
/** As many countries as a screen has room for; the export has all. */
const mostCountries = 10;
/** As many patterns as somebody reads; the others are folded. */
const inSight = 6;

/** Prices by genre and country, and where a genre differs from the others. */
export function countryPages(web: Web): void {
  page(web, { url: "/opportunities/countries", who: readers }, async (at) => {
    const found = await get<Geographic>(web, at.request, json);
    const currency = currencyOf(at.parts, at.viewer.client);
    return {
      title: "Genres and countries",
      body: (
        <>
          <PageHead
            title="Genres and countries"
            lead={
              found.window === null
                ? "What each genre of campaigns pays for a click in each country."
                : `What each genre of campaigns paid for a click in each country, ${found.window.from} to ${found.window.to}, in ${currency}.`
            }
          >
            <a class="button" href="/opportunities">
              Opportunities
            </a>
            <ExportLink url={at.url} />
          </PageHead>
          {found.matrix.length === 0 ? (
            <Empty title="Not looked for yet">
              It comes with the search for <a href="/opportunities">opportunities</a>.
            </Empty>
          ) : (
            <>
              <Matrix of={found.matrix} />
              <Patterns of={found} currency={currency} />
            </>
          )}
        </>
      ),
    };
  });

  download(web, { url: "/opportunities/countries.csv", who: readers }, async (at) => {
    const { matrix } = await get<Geographic>(web, at.request, json);
    return { name: "countries.csv", text: toCsv(columnsFor(currencyOf(at.parts, at.viewer.client)), matrix) };
  });
}

function Patterns({ of: { patterns }, currency }: { of: Geographic; currency: string }) {
  if (patterns.length === 0)
    return <p class="quiet">No genre differs clearly from the others between two countries in two campaigns.</p>;
  return (
    <section class="panel" aria-labelledby="patterns">
      <h2 id="patterns">Where a genre differs from the others</h2>
      <ul>
        {patterns.slice(0, inSight).map((one, index) => (
          <Pattern key={index} of={one} index={index} currency={currency} />
        ))}
      </ul>
      {patterns.length <= inSight ? null : (
        <details>
          <summary>
            <Counted json={json} of="patterns" less={inSight} value={patterns.length - inSight} /> more, which would
            save less
          </summary>
          <ul>
            {patterns.slice(inSight).map((one, index) => (
              <Pattern key={index} of={one} index={inSight + index} currency={currency} />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function Pattern({
  of: one,
  index,
  currency,
}: {
  of: Geographic["patterns"][number];
  index: number;
  currency: string;
}) {
  const fact = factsOf(json);
  return (
    <li>
      <Name of={one.words} />{" "}
      <strong>
        <Name of={one.recommendation} />
      </strong>{" "}
      <span class="quiet">
        Of{" "}
        <Fact of={fact(`patterns.${index}.spendWeekly`, one.spendWeekly)}>{moneyText(one.spendWeekly, currency)}</Fact>{" "}
        a week there it would save{" "}
        <Fact of={fact(`patterns.${index}.savingsWeekly`, one.savingsWeekly)}>
          {moneyText(one.savingsWeekly, currency)}
        </Fact>
        . Campaigns:{" "}
        {one.campaigns.map((id, place) => (
          <>
            {place === 0 ? "" : ", "}
            <a href={`/campaigns/${id}`}>{id}</a>
          </>
        ))}
      </span>
    </li>
  );
}

const sumOf = (cells: readonly MatrixCell[]) => cells.reduce((sum, { spend }) => sum + Number(spend), 0);

function Matrix({ of }: { of: readonly MatrixCell[] }) {
  const fact = factsOf(json);
  const genres = [...new Set(of.map(({ genre }) => genre))];
  const countries = [...new Set(of.map(({ geography }) => geography))]
    .map((code) => ({ code, spend: sumOf(of.filter(({ geography }) => geography === code)) }))
    .sort((one, other) => other.spend - one.spend)
    .slice(0, mostCountries);
  const cellOf = (genre: string, code: string) => {
    const index = of.findIndex((cell) => cell.genre === genre && cell.geography === code);
    const cell = of[index];
    if (cell === undefined) return <None why="nothing was shown there" />;
    if (cell.cpc === null || !cell.isEnough) return <None why={`too little to say a price: ${cell.clicks} clicks`} />;
    return <Fact of={fact(`matrix.${index}.cpc`, cell.cpc)}>{cell.cpc}</Fact>;
  };
  return (
    <section aria-labelledby="matrix">
      <h2 id="matrix">Price per click</h2>
      <div class="scroll" role="region" aria-label="Price per click by genre and country" tabIndex={0}>
        <table>
          <caption class="visually-hidden">Price per click by genre and country</caption>
          <thead>
            <tr>
              <th scope="col">Genre</th>
              {countries.map(({ code }) => (
                <th key={code} scope="col" class="figure">
                  {countryName(code)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {genres.map((genre) => (
              <tr key={genre}>
                <th scope="row">
                  <Name of={genre} />
                </th>
                {countries.map(({ code }) => (
                  <td key={code} class="figure">
                    {cellOf(genre, code)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="quiet">
        The countries that most is spent on; all of them are in the export. A dash: fewer than 100 clicks or 20 of
        spend.
      </p>
    </section>
  );
}

function columnsFor(currency: string): Column<MatrixCell>[] {
  return [
    { name: "genre", label: "Genre", kind: "text", value: (row) => row.genre },
    { name: "geography", label: "Country", kind: "text", value: (row) => row.geography },
    { name: "campaigns", label: "Campaigns", kind: "count", value: (row) => row.campaigns },
    { name: "clicks", label: "Clicks", kind: "count", value: (row) => row.clicks },
    { name: "impressions", label: "Impressions", kind: "count", value: (row) => row.impressions },
    moneyIn<MatrixCell>(currency)("spend", "Spend", (row) => row.spend),
    { name: "cpc", label: "CPC", kind: "ratio", value: (row) => row.cpc },
    { name: "isEnough", label: "Enough", kind: "text", value: (row) => row.isEnough },
  ];
}
