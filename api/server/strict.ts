import { z } from "zod";
import { unknownField } from "../../core/typed.ts";
import { ApiError } from "./errors.ts";
import type { Api } from "./parts.ts";

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
    refuse("querystring", unknownIn(schema?.querystring ?? z.object({}), query, ""));
    if (schema?.body !== undefined) refuse("body", unknownIn(schema.body, body, ""));
  });
}

function refuse(where: string, unknown: [string, string][]): void {
  if (unknown.length > 0)
    throw new ApiError("validation_error", `${where} is not valid`, Object.fromEntries(unknown.slice(0, 20)));
}

/** The fields of `data` that its shape does not have, by their place, with what to say of each. */
function unknownIn(schema: unknown, data: unknown, place: string): [string, string][] {
  if (schema instanceof z.ZodArray)
    return Array.isArray(data)
      ? data.flatMap((item: unknown, index) => unknownIn(schema.element, item, `${place}${index}.`))
      : [];
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  )
    return unknownIn(schema.def.innerType, data, place);
  if (schema instanceof z.ZodPipe) return unknownIn(schema.def.in, data, place);
  if (!(schema instanceof z.ZodObject) || typeof data !== "object" || data === null || Array.isArray(data)) return [];
  const { shape } = schema;
  const takesOthers = schema.def.catchall !== undefined && !(schema.def.catchall instanceof z.ZodNever);
  return Object.entries(data).flatMap(([name, value]): [string, string][] => {
    if (Object.hasOwn(shape, name)) return unknownIn(shape[name], value, `${place}${name}.`);
    return takesOthers ? [] : [[`${place}${name}`.slice(0, 200), unknownField(name, Object.keys(shape))]];
  });
}
