import { z } from "zod";
import { channelDeliveryOrders } from "../../queries/ops/channel-deliveries.ts";
import { notFound } from "../../api/server/errors.ts";
import { channelKinds } from "../../rules/ops/channel.ts";
import { Badge, Moment, Name, None } from "../components/format.tsx";
import { ListTable } from "../components/list-table.tsx";
import { Empty, ExportLink, Notice, PageHead } from "../components/parts.tsx";
import { Table, type Column } from "../components/table.tsx";
import { exportList } from "../shared/export-list.ts";
import { callList } from "../shared/json.ts";
import { call, form, get, page, param } from "../shared/page.tsx";
import { sortedQuery } from "../shared/sorting.ts";
import { keepers, readers, type At, type Web } from "../shared/web.ts";
import type { Channel, ChannelDelivery as Delivery } from "./answers.ts";
import { ChannelForm, channelForm, toBody } from "./channel-form.tsx";
import { snoozedUntil, snoozeHours, snoozes } from "./snoozes.ts";

const json = "/api/v1/ops/channels";
const rowsPerPage = 50;

/** Where people are told of alerts: how each channel stands, what it was told, and how it is set. */
export function channelPages(web: Web): void {
  listPage(web);
  channelPage(web);
  newPage(web);
  actions(web);
}

function listPage(web: Web): void {
  page(web, { url: "/channels", who: readers }, async ({ request, zone, viewer }) => {
    const { items } = await get<{ items: Channel[] }>(web, request, json);
    return {
      title: "Channels",
      body: (
        <>
          <PageHead title="Channels" lead="Where alerts are sent, and the morning's figures.">
            <a class="button" href="/alerts">
              Alerts
            </a>
            {viewer.isKeeper ? (
              <a class="button primary" href="/channels/new">
                New channel
              </a>
            ) : null}
          </PageHead>
          <Table
            columns={columns}
            rows={items}
            caption="Channels"
            zone={zone}
            json={{ url: json, path: "items" }}
            rowKey={({ channelId }) => String(channelId)}
            empty={
              <Empty title="No channel yet">
                Alerts are listed under <a href="/alerts">Alerts</a>. Make a channel, and they go to Slack, to a mailbox
                or to a webhook as well.
              </Empty>
            }
          />
        </>
      ),
    };
  });
}

function channelPage(web: Web): void {
  const query = {
    tested: z.enum(["delivered", "failed", "under-way"]).optional(),
    ...sortedQuery(channelDeliveryOrders),
  };
  page(web, { url: "/channels/:id", who: readers, query }, async (at) => {
    const { request, zone, viewer, query: asked } = at;
    const { items } = await get<{ items: Channel[] }>(web, request, json);
    const one = items.find(({ channelId }) => String(channelId) === param(at, "id"));
    if (one === undefined) throw notFound("channel");
    const deliveries = await callList<Delivery>(web, at, {
      ...deliveriesOf(at),
      query: { sort: asked.sort, cursor: asked.cursor, limit: rowsPerPage },
    });
    return {
      title: one.name,
      body: (
        <>
          <PageHead title={one.name} lead={<State of={one} zone={zone} />}>
            {viewer.isKeeper ? <Actions of={one} /> : null}
            <ExportLink url={at.url} path={`/channels/${one.channelId}/deliveries.csv`} without={["tested"]} />
          </PageHead>
          <Tested how={asked.tested} of={one} />
          <section aria-labelledby="told">
            <h2 id="told">What was sent</h2>
            <ListTable
              at={at}
              list={deliveries}
              orders={channelDeliveryOrders}
              columns={deliveryColumns}
              caption={`Deliveries to ${one.name}`}
              empty={
                <Empty title="Nothing yet">What is open is sent within a minute. Send a test to see it arrive.</Empty>
              }
            />
          </section>
          {viewer.isKeeper ? (
            <section aria-labelledby="settings">
              <h2 id="settings">Settings</h2>
              <ChannelForm of={one} zone={zone} />
            </section>
          ) : null}
        </>
      ),
    };
  });

  exportList<Delivery, typeof exported>(
    web,
    { url: "/channels/:id/deliveries.csv", who: readers, query: exported },
    (at) => ({
      name: `channel-${param(at, "id")}.csv`,
      ...deliveriesOf(at),
      query: { sort: at.query.sort },
      columns: deliveryColumns,
    }),
  );
}

/** What the export of a channel takes in its address. */
const exported = { sort: sortedQuery(channelDeliveryOrders).sort };
const deliveriesOf = (at: Pick<At<unknown>, "request">) => ({ path: `${json}/${param(at, "id")}/deliveries` });

function newPage(web: Web): void {
  page(web, { url: "/channels/new", who: keepers }, ({ zone }) =>
    Promise.resolve({
      title: "New channel",
      body: (
        <>
          <PageHead title="New channel" lead="It is notified of what is open now, and of what comes." />
          <ChannelForm of={null} zone={zone} />
        </>
      ),
    }),
  );
  const body = channelForm.extend({ kind: z.enum(channelKinds), address: z.string().trim().min(1, "say where") });
  form(web, { url: "/channels/new", who: keepers, body }, async ({ request }, { kind, address, ...set }) => {
    const made = await call<Channel>(web, request, {
      method: "POST",
      url: json,
      body: { ...toBody(set), kind, address },
    });
    return `/channels/${made.body.channelId}`;
  });
}

function actions(web: Web): void {
  const one = z.object({ channel: z.string().regex(/^\d{1,15}$/) });
  const change = channelForm.extend({
    ...one.shape,
    address: z.string().trim().optional(),
    snoozedUntil: z.string().optional(),
  });
  form(web, { url: "/channels/change", who: keepers, body: change }, async ({ request }, given) => {
    const { channel: id, address, snoozedUntil: until, ...set } = given;
    await call(web, request, {
      method: "PUT",
      url: `${json}/${id}`,
      body: {
        ...toBody(set),
        snoozedUntil: until ?? null,
        ...(address === undefined || address === "" ? {} : { address }),
      },
    });
    return `/channels/${id}`;
  });

  form(web, { url: "/channels/test", who: keepers, body: one }, async ({ request }, { channel: id }) => {
    const { body, status } = await call<{ delivered?: boolean }>(web, request, {
      method: "POST",
      url: `${json}/${id}/test`,
    });
    return `/channels/${id}?tested=${status === 202 ? "under-way" : body.delivered === true ? "delivered" : "failed"}`;
  });

  const snooze = one.extend({ hours: z.enum(snoozeHours) });
  form(
    web,
    { url: "/channels/snooze", who: keepers, body: snooze },
    async ({ request, now }, { channel: id, hours }) => {
      const { items } = await get<{ items: Channel[] }>(web, request, json);
      const known = items.find(({ channelId }) => String(channelId) === id);
      if (known === undefined) throw notFound("channel");
      const kept = {
        name: known.name,
        areas: known.areas,
        leastSeverity: known.leastSeverity,
        isGrouped: known.isGrouped,
        tellsResolved: known.tellsResolved,
        tellsMorning: known.tellsMorning,
        quietFrom: known.quietFrom,
        quietTo: known.quietTo,
        criticalPasses: known.criticalPasses,
        isActive: known.isActive,
      };
      await call(web, request, {
        method: "PUT",
        url: `${json}/${id}`,
        body: { ...kept, snoozedUntil: snoozedUntil(hours, now) },
      });
      return `/channels/${id}`;
    },
  );

  form(web, { url: "/channels/remove", who: keepers, body: one }, async ({ request }, { channel: id }) => {
    await call(web, request, { method: "DELETE", url: `${json}/${id}` });
    return "/channels";
  });
}

const kindNames = { slack: "Slack", email: "mail", webhook: "webhook" } as const;

function State({ of, zone }: { of: Channel; zone: string }) {
  const isSnoozed = of.snoozedUntil !== null && new Date(of.snoozedUntil) > new Date();
  return (
    <>
      {kindNames[of.kind]}, <Name of={of.hint} />{" "}
      {of.brokenAt !== null ? (
        <Badge tone="bad">does not work</Badge>
      ) : !of.isActive ? (
        <Badge tone="quiet">switched off</Badge>
      ) : isSnoozed ? (
        <Badge tone="note">
          quiet until <Moment at={new Date(of.snoozedUntil ?? 0)} zone={zone} />
        </Badge>
      ) : (
        <Badge tone="good">works</Badge>
      )}
    </>
  );
}

function Tested({ how, of }: { how: "delivered" | "failed" | "under-way" | undefined; of: Channel }) {
  return (
    <>
      {of.brokenReason === null ? null : (
        <Notice tone="bad" title="Nothing is sent here">
          <p>
            <Name of={of.brokenReason} />. Correct it and save the settings, or send a test: what is still open is sent
            then.
          </p>
        </Notice>
      )}
      {how === undefined ? null : (
        <Notice tone={how === "delivered" ? "good" : how === "failed" ? "bad" : "note"}>
          <p>
            {how === "delivered" ? (
              "The test has arrived."
            ) : how === "failed" ? (
              <>
                The test did not arrive: <Name of={of.lastNote ?? "no reason is known"} />.
              </>
            ) : (
              "The test is under way: its result will be in the list."
            )}
          </p>
        </Notice>
      )}
    </>
  );
}

function Actions({ of }: { of: Channel }) {
  const id = <input type="hidden" name="channel" value={of.channelId} />;
  return (
    <>
      <form class="row" method="post" action="/channels/test">
        {id}
        <button type="submit">Send a test</button>
      </form>
      <form class="row" method="post" action="/channels/snooze">
        {id}
        <label>
          <span class="visually-hidden">Keep it quiet for</span>
          <select name="hours">
            {Object.entries(snoozes).map(([hours, label]) => (
              <option key={hours} value={hours}>
                {label}
              </option>
            ))}
            <option value="0">no longer</option>
          </select>
        </label>
        <button type="submit">Keep quiet</button>
      </form>
      {of.isSetting ? null : (
        <form class="row" method="post" action="/channels/remove">
          {id}
          <button type="submit">Remove</button>
        </form>
      )}
    </>
  );
}

const columns: readonly Column<Channel>[] = [
  {
    name: "name",
    label: "Channel",
    kind: "text",
    value: ({ name }) => name,
    show: ({ name, channelId }) => <a href={`/channels/${channelId}`}>{name}</a>,
  },
  { name: "kind", label: "Kind", kind: "text", value: ({ kind }) => kind, show: ({ kind }) => kindNames[kind] },
  { name: "hint", label: "Where", kind: "text", value: ({ hint }) => hint, isExtra: true },
  {
    name: "state",
    label: "State",
    kind: "text",
    isLocal: true,
    value: ({ brokenReason, isActive }) => brokenReason ?? (isActive ? "works" : "switched off"),
    show: ({ brokenReason, isActive }) =>
      brokenReason !== null ? (
        <Badge tone="bad">does not work</Badge>
      ) : isActive ? (
        <Badge tone="good">works</Badge>
      ) : (
        <Badge tone="quiet">switched off</Badge>
      ),
  },
  { name: "leastSeverity", label: "From", kind: "text", value: (row) => row.leastSeverity, isExtra: true },
  { name: "pending", label: "Waiting", kind: "count", value: ({ pending }) => pending },
  { name: "failed", label: "Failed", kind: "count", value: ({ failed }) => failed },
  {
    name: "lastDeliveredAt",
    label: "Last sent",
    kind: "moment",
    value: ({ lastDeliveredAt }) => (lastDeliveredAt === null ? null : new Date(lastDeliveredAt)),
    why: () => "nothing yet",
  },
];

const tones = { delivered: "good", pending: "note", failed: "bad", expired: "quiet" } as const;

const deliveryColumns: readonly Column<Delivery>[] = [
  {
    name: "createdAt",
    label: "Due",
    kind: "moment",
    value: ({ createdAt }) => new Date(createdAt),
  },
  { name: "what", label: "What", kind: "text", value: ({ what }) => what },
  {
    name: "alertMessage",
    label: "Alert",
    kind: "text",
    value: ({ alertMessage }) => alertMessage,
    show: ({ alertMessage, day }) => alertMessage ?? (day === null ? <None why="a test" /> : `the digest of ${day}`),
    why: () => null,
  },
  {
    name: "state",
    label: "State",
    kind: "text",
    value: ({ state }) => state,
    show: ({ state }) => <Badge tone={tones[state as keyof typeof tones]}>{state}</Badge>,
  },
  { name: "attempts", label: "Tries", kind: "count", value: ({ attempts }) => attempts, isExtra: true },
  { name: "note", label: "Why not", kind: "text", value: ({ note }) => note, why: () => null, isExtra: true },
];
