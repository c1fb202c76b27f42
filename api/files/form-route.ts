import type { FastifySchemaCompiler } from "fastify";
import { validatorCompiler } from "fastify-type-provider-zod";
import type { z } from "zod";
import { allow } from "../server/access.ts";
import type { ServerParts } from "../server/parts.ts";

/** The form is read as it comes; there is no body to check afterwards. */
const allButBody: FastifySchemaCompiler<unknown> = (route) =>
  route.httpPart === "body"
    ? () => ({ value: undefined })
    : // Of the schemas Fastify knows no type: all of ours are zod's.
      validatorCompiler({ ...route, schema: route.schema as z.ZodType });

/** How a route takes a form with a file: who may send it, and for how long. */
export const formRoute = ({ settings }: Pick<ServerParts, "settings">) => ({
  config: { ...allow("admin", "operator"), bodyTimeoutMs: settings.uploadTimeoutMs },
  handlerTimeout: settings.uploadTimeoutMs + 30_000,
  validatorCompiler: allButBody,
});
