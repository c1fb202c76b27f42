import { Badge, Name, Origin } from "../components/format.tsx";
import { importDays, type ImportDay, type ImportFeed } from "../files/answers.ts";
import { filesAddress } from "../files/page.tsx";
import { jsonAddress } from "../shared/json.ts";
import { get } from "../shared/page.tsx";
import type { At, Web } from "../shared/web.ts";
import { isAnySandbox, OpenStates, type Cell, type GridColumn } from "./grid.tsx";

interface FileGrid {
  feeds: ImportFeed[];
  items: ImportDay[];
}

/** The days that files of ad performance have, by how they are read. */
export const fileGridAddress = ({ from, to }: { from: string; to: string }) => jsonAddress(importDays, { from, to });

export const readFileGrid = (
  web: Web,
  { request }: Pick<At<unknown>, "request">,
  range: { from: string; to: string },
) => get<FileGrid>(web, request, fileGridAddress(range));

/** Each sender: whether a file is late, what is open, and an upload. */
export function FileFeeds({ feeds, items, isKeeper, json }: FileGrid & { isKeeper: boolean; json: string }) {
  return (
    <>
      {feeds.map(({ mapping, late, lastDay }) => (
        <div class="figure-card" key={mapping}>
          <div class="label">
            Files: <Name of={mapping} />
          </div>
          <p>
            {late === null ? <Badge tone="good">on time</Badge> : <Badge tone="bad">late</Badge>}{" "}
            {isAnySandbox(items.filter((item) => item.mapping === mapping)) ? <Origin of="sandbox" /> : null}
          </p>
          <div class="beside">
            {late === null ? null : <p>{late}</p>}
            <p>
              <OpenStates
                cells={items.filter((item) => item.mapping === mapping)}
                {...{ json, where: { mapping }, none: "every expected day is final" }}
              />
              {lastDay === null ? null : `; the last day is ${lastDay}`}
            </p>
            {isKeeper ? (
              <a class="button" href="/files/upload">
                Upload a file
              </a>
            ) : null}
          </div>
        </div>
      ))}
    </>
  );
}

export const fileColumns = ({ feeds, items }: FileGrid, isKeeper: boolean): GridColumn[] =>
  feeds.map(({ mapping }) => ({
    id: `files ${mapping}`,
    label: (
      <>
        Files: <Name of={mapping} />
      </>
    ),
    cells: items
      .filter((item) => item.mapping === mapping)
      .map((item) => ({ ...item, href: placeOf(item), none: noneOf(item), act: isKeeper ? uploadOf(item) : null })),
  }));

const noneOf = ({ reason }: ImportDay) =>
  reason === "the day is not over" || reason?.startsWith("expected by") === true ? "not yet" : "not expected";

/** The file of the day, or the list of several. */
const placeOf = ({ mapping, day, fileIds: [first, ...more] }: ImportDay) =>
  first === undefined || more.length > 0 ? filesAddress({ mapping, day }) : `/files/${first}`;

const uploadOf = ({ state, day }: ImportDay) =>
  state === "missing" || state === "failed"
    ? { href: "/files/upload", label: "Upload", about: `Upload a file with ${day}` }
    : null;

export type ExportedDay = Cell & Pick<ImportDay, "fileIds"> & { mapping: string | null };

export const exportedDay = (item: ImportDay): ExportedDay => ({
  ...{ source: "rtb.performance", mapping: item.mapping, fileIds: item.fileIds, receiptId: null },
  ...{ day: item.day, state: item.state, reason: item.reason, rows: item.rows, total: item.spend },
  ...{ quarantined: item.rejected, loadedAt: item.readAt, origin: item.origin },
});
