import { z } from "zod";
import type { resent } from "../../api/findings/tie-out-shapes.ts";
import { placeInList } from "../../api/server/lists.ts";
import { periodQuery } from "../shared/period.ts";
import { countText } from "../components/format.tsx";
import { Empty, NextPage, Notice, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { callList } from "../shared/json.ts";
import { call, form, page } from "../shared/page.tsx";
import { keepers, withQuery, type Web } from "../shared/web.ts";
import { sentColumns, type Item } from "./tie-out-columns.tsx";
import { askedOf, tieOutJson } from "./tie-out.tsx";

type Answer = z.infer<typeof resent>;

const query = { ...periodQuery, affiliate: z.string().max(200).optional(), cursor: placeInList };
const ids = z.string().min(1);

/** What AnyTrack is missing and would be sent, before it is. */
export function resendPages(web: Web): void {
  page(web, { url: "/tie-out/resend", who: keepers, query }, async (at) => {
    const { range } = askedOf(at);
    const missing = await callList<Item>(web, at, {
      path: tieOutJson,
      query: { ...range, difference: "missing_in_anytrack", cursor: at.query.cursor },
    });
    const everflowIds = missing.items.flatMap(({ everflowId }) => everflowId ?? []);
    const { conversions, left } =
      everflowIds.length === 0 ? nothing : await resend(web, at.request, { everflowIds, dryRun: true });
    const back = new URL(at.url);
    back.pathname = "/tie-out";
    return {
      title: "Send to AnyTrack",
      body: (
        <>
          <PageHead
            title="Send to AnyTrack"
            lead="What AnyTrack is missing, from Everflow's own record. Nothing has been sent yet. However often it is sent, AnyTrack is sent each order once."
          >
            <a class="button" href={withQuery(back, { cursor: null })}>
              Back to the tie-out
            </a>
          </PageHead>
          {conversions.length === 0 ? (
            <Empty title="Nothing can be sent">
              {left.length === 0 ? "AnyTrack is missing nothing in these days." : "Below is why."}
            </Empty>
          ) : (
            <form method="post" action="/tie-out/resend" class="stacked">
              <input type="hidden" name="back" value={withQuery(back, { cursor: null })} />
              {conversions.map(({ everflowId }) => (
                <input key={everflowId} type="hidden" name="id" value={everflowId} />
              ))}
              <Table
                columns={sentColumns}
                rows={conversions}
                caption="What AnyTrack would be sent"
                zone={at.zone}
                rowKey={({ orderId }) => orderId}
              />
              <p>
                <button type="submit">Send {countText(conversions.length)} to AnyTrack</button>
              </p>
            </form>
          )}
          {left.length === 0 ? null : (
            <>
              <h2>What cannot be sent</h2>
              <Table columns={leftColumns} rows={left} caption="What cannot be sent, and why" zone={at.zone} />
            </>
          )}
          <Notice tone="note">
            What Everflow or Redtrack are missing is not sent from here: Everflow pays for what its advertisers report,
            and Redtrack does not say which conversions it has.
          </Notice>
          <NextPage url={at.url} next={missing.next} />
        </>
      ),
    };
  });

  const body = z.object({
    id: z.union([ids, z.array(ids)]),
    back: z.string().regex(/^\/tie-out(\?[\w=&.%+-]*)?$/),
  });
  form(web, { url: "/tie-out/resend", who: keepers, body }, async (at, { id, back }) => {
    const { conversions } = await resend(web, at.request, { everflowIds: [id].flat(), dryRun: false });
    return withQuery(new URL(back, "http://pages"), {
      sent: String(conversions.length),
      difference: "missing_in_anytrack",
    });
  });
}

const nothing: Pick<Answer, "conversions" | "left"> = { conversions: [], left: [] };

async function resend(web: Web, request: Parameters<typeof call>[1], body: { everflowIds: string[]; dryRun: boolean }) {
  return (await call<Answer>(web, request, { method: "POST", url: `${tieOutJson}/resend`, body })).body;
}

const leftColumns: readonly Column<Answer["left"][number]>[] = [
  {
    name: "everflowId",
    label: "In Everflow",
    kind: "text",
    value: (row) => row.everflowId,
    show: ({ everflowId }) => (
      <a href={`/conversions/everflow/${encodeURIComponent(everflowId)}`}>{everflowId.slice(0, 12)}…</a>
    ),
  },
  { name: "why", label: "Why not", kind: "text", value: (row) => row.why, isLong: true },
];
