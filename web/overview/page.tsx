import { readCpaTotals } from "../../queries/cost/cpa.ts";
import { moneyText } from "../components/format.tsx";
import { Figure, PageHead, PeriodPicker } from "../components/parts.tsx";
import { page } from "../shared/page.tsx";
import { periodQuery, readPeriod } from "../shared/period.ts";
import { readers, type Web } from "../shared/web.ts";

const madeUp = (origin: string) => (origin === "sandbox" ? " (sandbox)" : "");

/** What a media buyer looks at first. */
export function morningPage(web: Web): void {
  page(web, { url: "/", who: readers, query: periodQuery }, async ({ parts, viewer, query, today, url }) => {
    const period = readPeriod(query, today);
    const totals = await readCpaTotals(parts.reading, { client: viewer.client, from: period.from, to: period.to });
    return {
      title: "Today",
      body: (
        <>
          <PageHead title="Today" />
          <PeriodPicker url={url} period={period} />
          <div class="cards">
            {totals.map(({ currency, origin, finalCost, revenue }) => (
              <>
                <Figure
                  label={`Cost${madeUp(origin)}`}
                  value={finalCost === null ? "–" : moneyText(finalCost, currency)}
                />
                <Figure
                  label={`Revenue${madeUp(origin)}`}
                  value={revenue === null ? "–" : moneyText(revenue, currency)}
                />
              </>
            ))}
          </div>
        </>
      ),
    };
  });
}
