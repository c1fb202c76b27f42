import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { keysOf, sortsOf, type Order, type Orders, type Placed, type SortKey } from "../../queries/shared/ordered.ts";
import type { Access } from "./access.ts";
import { listRoute } from "./list-route.ts";
import { badCursor, day, type paging } from "./lists.ts";
import type { Api } from "./parts.ts";

/** `sort` of a list: a field of its items, with a minus the other way round. */
export const sortIn = (orders: Orders) =>
  z
    .enum(sortsOf(orders))
    .default(orders.usual)
    .describe(
      "what the items are sorted by, from the least; with a minus from the greatest. What is missing comes last",
    );

const keyShapes: Record<SortKey["type"], z.ZodType> = {
  text: z
    .string()
    .max(2_000)
    .regex(/^[^\u0000]*$/),
  number: z
    .string()
    .max(80)
    .regex(/^-?\d+(\.\d+)?$/),
  whole: z.string().regex(/^-?\d{1,18}$/),
  moment: z.iso.datetime({ precision: 6 }),
  day,
};

/** What a cursor of a sorted list holds. */
export const placeInOrder = z.object({ sort: z.string(), keys: z.array(z.string().nullable()) });

/** The order of a page. A cursor of another sort is one of another list. */
export function readOrder(orders: Orders, sort: string, after: z.infer<typeof placeInOrder> | null): Order {
  if (after === null) return { sort, after: null };
  const keys = keysOf(orders, sort);
  const isPlace =
    after.sort === sort &&
    after.keys.length === keys.length &&
    keys.every(({ type, canBeMissing }, index) => {
      const key = after.keys[index];
      return key === null ? canBeMissing === true : keyShapes[type].safeParse(key).success;
    });
  if (!isPlace) throw badCursor();
  return { sort, after: after.keys };
}

interface SortedList<Query extends z.ZodType, Row, Item extends z.ZodType> {
  config: { access: Access };
  tags: string[];
  summary: string;
  /** What stands for `:name` in the path. */
  params?: z.ZodType;
  /** `paging`, with the filters of the list, and `sort: sortIn(orders)`. */
  querystring: Query;
  item: Item;
  orders: Orders;
  read: (
    asked: {
      filter: Omit<z.output<Query>, keyof z.output<typeof paging>>;
      order: Order;
      /** One more than the page shows. */
      limit: number;
    },
    request: FastifyRequest,
  ) => Promise<Placed<Row>[]>;
  toItem: (row: Row) => z.output<Item>;
}

/** A GET route that answers a list page by page in any of its orders. */
export function sortedListRoute<
  Query extends z.ZodType<z.output<typeof paging> & { sort: string }>,
  Row,
  Item extends z.ZodType,
>(api: Api, path: string, list: SortedList<Query, Row, Item>): void {
  const { orders, read, toItem, ...rest } = list;
  listRoute(api, path, {
    ...rest,
    place: placeInOrder,
    read: ({ filter, after, limit }, request) => {
      const { sort } = filter as { sort: string };
      return read({ filter, order: readOrder(orders, sort, after), limit }, request);
    },
    placeOf: ({ inOrder }) => inOrder,
    toItem: ({ inOrder: _place, ...row }) => toItem(row as Row),
  });
}

interface Totals<Query extends z.ZodRawShape, Answer extends z.ZodType> {
  config: { access: Access };
  tags: string[];
  summary: string;
  /** The filters of the list. */
  filters: Query;
  answer: Answer;
  read: (filter: z.output<z.ZodObject<Query>>, request: FastifyRequest) => Promise<z.output<Answer>>;
}

/** What the filters of a list leave in all: `/receipts/totals` beside `/receipts`. */
export function totalsRoute<Query extends z.ZodRawShape, Answer extends z.ZodType>(
  api: Api,
  path: string,
  { config, tags, summary, filters, answer, read }: Totals<Query, Answer>,
): void {
  const response: Record<number, z.ZodType> = { 200: answer };
  api.get(
    `${path}/totals`,
    { config, schema: { tags, summary, querystring: z.object(filters), response } },
    (request) => read(request.query as z.output<z.ZodObject<Query>>, request),
  );
}
