import { z } from "zod";
import { placeInList } from "../../api/server/lists.ts";
import { sortsOf, type Orders } from "../../queries/shared/ordered.ts";

/** What the address of a page with a list may say of its order, and where in it the page begins. */
export const sortedQuery = <Name extends string>(orders: Orders<Name>) => ({
  sort: z.enum(sortsOf(orders)).optional(),
  cursor: placeInList,
});
