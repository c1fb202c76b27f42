import { z } from "zod";
import { unknownField } from "../../core/typed.ts";
import { ApiError } from "./errors.ts";
import type { Api } from "./parts.ts";

/** To make a shape takes longer than all else here, and many routes have none for their queries. */
const noFields = z.object({});

/** Routes whose callers are ours: vendors add what they like to the addresses of hooks. */
const strictPrefix = "/api/v1/";

/**
 * A misspelt filter must not answer with everything, and a misspelt option must not act without it: what a route does not
 * know is refused before anything else is checked, with the nearest name that it does know.
 */
export function refuseUnknownFields(api: Api): void {
  api.addHook("preValidation", async ({ routeOptions, query, body }) => {
    const { url, schema } = routeOptions;
    if (url?.startsWith(strictPrefix) !== true) return;
    refuse("querystring", unknownIn(schema?.querystring ?? noFields, query, ""));
    if (schema?.body !== undefined) refuse("body", unknownIn(schema.body, body, ""));
  });
}

function refuse(where: string, unknown: [string, string][]): void {
  if (unknown.length > 0)
    throw new ApiError("validation_error", `${where} is not valid`, Object.fromEntries(unknown.slice(0, 20)));
}

/** What a shape says of the names within it. */
interface Fields {
  /** Of a list: what its items are. */
  item?: unknown;
  /** Of an object. */
  shape?: Readonly<Record<string, unknown>>;
  takesOthers?: boolean;
}

/** By shape: zod's `instanceof` takes longer than all else here, and shapes stay as they are. */
const known = new WeakMap<object, Fields>();

function fieldsOf(schema: object): Fields {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const fields = readFields(schema);
  known.set(schema, fields);
  return fields;
}

function readFields(schema: unknown): Fields {
  if (schema instanceof z.ZodArray) return { item: schema.element };
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  )
    return readFields(schema.def.innerType);
  if (schema instanceof z.ZodPipe) return readFields(schema.def.in);
  if (!(schema instanceof z.ZodObject)) return {};
  const { catchall } = schema.def;
  return { shape: schema.shape, takesOthers: catchall !== undefined && !(catchall instanceof z.ZodNever) };
}

/** The fields of `data` that its shape does not have, by their place, with what to say of each. */
function unknownIn(schema: unknown, data: unknown, place: string): [string, string][] {
  if (typeof data !== "object" || data === null) return [];
  const { item, shape, takesOthers } = fieldsOf(schema as object);
  if (Array.isArray(data))
    return item === undefined ? [] : data.flatMap((one: unknown, index) => unknownIn(item, one, `${place}${index}.`));
  if (shape === undefined) return [];
  const unknown: [string, string][] = [];
  for (const [name, value] of Object.entries(data)) {
    if (Object.hasOwn(shape, name)) unknown.push(...unknownIn(shape[name], value, `${place}${name}.`));
    else if (takesOthers !== true)
      unknown.push([`${place}${name}`.slice(0, 200), unknownField(name, Object.keys(shape))]);
  }
  return unknown;
}
