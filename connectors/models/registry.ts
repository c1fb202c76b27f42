import { claude } from "./claude.ts";
import { gemini } from "./gemini.ts";
import type { ModelVendor } from "./model.ts";

/** Every vendor of models there is. */
export const models: readonly ModelVendor[] = [claude, gemini];

export function findModel(name: string): ModelVendor {
  const found = models.find((model) => model.name === name);
  if (found === undefined)
    throw new RangeError(`no model vendor ${name}; there are ${models.map((model) => model.name).join(", ")}`);
  return found;
}
