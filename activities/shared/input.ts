import type { ApplicationFailure } from "@temporalio/activity";
import type { z } from "zod";
import type { Config } from "../../settings/config.ts";
import { problemsOf } from "../../core/typed.ts";
import { invalidInput } from "./failures.ts";

/**
 * Input that a person may have typed, checked strictly: a misspelt option must not act as if it had been left out.
 * `known` names the fields a person may type, where a workflow adds its own.
 */
export function checkedInput<Shape extends z.ZodObject>(
  shape: Shape,
  input: unknown,
  known?: readonly string[],
): z.output<Shape> {
  const strict = shape.strict();
  const parsed = strict.safeParse(input ?? {});
  if (parsed.success) return parsed.data as z.output<Shape>;
  throw invalidInput(problemsOf(strict, parsed.error, known).join("; "));
}

/** The client that was named, if there is one of that name; the first where none was. */
export function clientNamed(config: Pick<Config, "clients">, client: string | undefined): string {
  const named = client ?? config.clients[0] ?? "";
  if (config.clients.includes(named)) return named;
  throw unknownClient(config, named);
}

export function unknownClient({ clients }: Pick<Config, "clients">, named: string): ApplicationFailure {
  return invalidInput(`unknown client "${named}": there are ${clients.join(", ")} (the setting CLIENTS)`);
}
