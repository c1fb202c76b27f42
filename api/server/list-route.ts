import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Access } from "./access.ts";
import { pageOf, readCursor, toPage, type paging } from "./lists.ts";
import type { Api } from "./parts.ts";

/** What the reader of a list is asked: `limit` is one more than the page shows. */
interface Asked<Filter, Place> {
  filter: Filter;
  /** The place after which the page begins; null for the first. */
  after: Place | null;
  limit: number;
}

interface ListRoute<Query extends z.ZodType, Place extends z.ZodType, Row, Item extends z.ZodType> {
  config: { access: Access };
  tags: string[];
  summary: string;
  /** What stands for `:name` in the path. */
  params?: z.ZodType;
  /** `paging`, with the filters of the list. */
  querystring: Query;
  item: Item;
  /** What a cursor of this list holds: what its order goes by. */
  place: Place;
  read: (
    asked: Asked<Omit<z.output<Query>, keyof z.output<typeof paging>>, z.output<Place>>,
    request: FastifyRequest,
  ) => Promise<Row[]>;
  placeOf: (row: Row) => z.output<Place>;
  toItem: (row: Row) => z.output<Item>;
}

/** A GET route that answers a list page by page. */
export function listRoute<
  Query extends z.ZodType<z.output<typeof paging>>,
  Place extends z.ZodType,
  Row,
  Item extends z.ZodType,
>(api: Api, path: string, list: ListRoute<Query, Place, Row, Item>): void {
  const { config, tags, summary, params, querystring, item, place, read, placeOf, toItem } = list;
  api.get(
    path,
    {
      config,
      schema: {
        tags,
        summary,
        ...(params === undefined ? {} : { params }),
        querystring,
        response: { 200: pageOf(item) },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query as z.output<Query>;
      const rows = await read({ filter, after: readCursor(cursor, place), limit: limit + 1 }, request);
      return toPage(rows, limit, placeOf, toItem);
    },
  );
}
