import { countText, moneyText, None } from "../components/format.tsx";
import { Count, Figure } from "../components/parts.tsx";
import type { Totals as Answer } from "./answers.ts";

/** All that the filters leave, above the list that shows it page by page: each currency and origin on its own. */
export function Totals({ totals: { items }, json }: { totals: Answer; json: string }) {
  return (
    <>
      {items.map(({ currency, origin, conversions, events, payout, revenue }, index) => {
        const fact = (field: string, value: unknown) => ({
          json,
          field: `items.${index}.${field}`,
          value: String(value ?? ""),
        });
        const amount = (value: string | null) =>
          value === null ? <None why="no amount was sent" /> : moneyText(value, currency ?? "");
        const of = [currency ?? "without an amount", ...(origin === "sandbox" ? ["sandbox, made up"] : [])].join(", ");
        return (
          <div class="cards" key={`${currency ?? ""}/${origin}`}>
            <Figure
              label={`Conversions (${of})`}
              value={countText(conversions)}
              fact={fact("conversions", conversions)}
            >
              {events === undefined || events === 0 ? null : (
                <>
                  and <Count json={json} field={`items.${index}.events`} of={events} /> events after them
                </>
              )}
            </Figure>
            {payout === undefined ? null : (
              <Figure label="Payout" value={amount(payout)} fact={fact("payout", payout)} />
            )}
            <Figure label="Revenue" value={amount(revenue)} fact={fact("revenue", revenue)} />
          </div>
        );
      })}
    </>
  );
}
