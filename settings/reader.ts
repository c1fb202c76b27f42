import { z } from "zod";
import { about, aboutOf } from "../core/about-setting.ts";
import { settingInForce, settingName } from "../core/setting-name.ts";
import { defineArea, list, type Env } from "./shapes.ts";

/** One error with every setting that is wrong, so that they can be fixed together. */
export class ConfigError extends Error {
  constructor(readonly problems: string[]) {
    super(
      `The settings have ${problems.length === 1 ? "a problem" : `${problems.length} problems`}:\n${problems.map((problem) => `  - ${problem}`).join("\n")}\nSee docs/settings.md for each setting.`,
    );
    this.name = "ConfigError";
  }
}

export const clientsArea = defineArea({
  title: "Clients",
  needs: "worker, API",
  shape: z.object({
    CLIENTS: list
      .pipe(z.array(z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, "a client id has letters, digits, - and _")).min(1))
      .prefault("713")
      .meta(about("The clients whose accounts are read, separated by commas; the first one is the default client.")),
  }),
});

/** Reads settings by their shapes and collects what is wrong and what is secret. Left empty, a setting is not set. */
export class SettingsReader {
  readonly secrets = new Set<string>();
  readonly clients: readonly string[];
  readonly #problems = new Set<string>();

  constructor(readonly env: Env) {
    this.clients = [...new Set(this.values(clientsArea.shape).CLIENTS ?? ["713"])];
    for (const [index, client] of this.clients.entries()) {
      const twin = this.clients.slice(0, index).find((earlier) => settingName(earlier) === settingName(client));
      if (twin !== undefined)
        this.problem(`CLIENTS: ${twin} and ${client} would share the settings that end in _${settingName(client)}`);
    }
  }

  text(name: string): string | undefined {
    const text = this.env[name];
    return text === "" ? undefined : text;
  }

  /** One that is wrong is a problem, and has the value it would have unset. */
  values<Shape extends z.ZodRawShape>(shape: z.ZodObject<Shape>): z.output<z.ZodObject<Shape>> {
    return this.#read(shape, (name) => name);
  }

  /** The same for one client: its own value where there is one. */
  valuesOf<Shape extends z.ZodRawShape>(client: string, shape: z.ZodObject<Shape>): z.output<z.ZodObject<Shape>> {
    return this.#read(shape, (name, schema) => this.nameFor(client, name, aboutOf(schema)?.clients ?? "shared"));
  }

  /** The setting that counts for a client. */
  nameFor(client: string, name: string, scope: "own" | "shared"): string {
    const inForce = settingInForce({ [settingName(name, client)]: this.text(settingName(name, client)) }, name, client);
    return inForce !== name || scope === "shared" || client === this.clients[0] ? inForce : settingName(name, client);
  }

  problem(problem: string): void {
    this.#problems.add(problem);
  }

  get problems(): string[] {
    return [...this.#problems];
  }

  throwProblems(): void {
    if (this.problems.length > 0) throw new ConfigError(this.problems);
  }

  #read<Shape extends z.ZodRawShape>(
    shape: z.ZodObject<Shape>,
    nameOf: (name: string, schema: z.ZodType) => string,
  ): z.output<z.ZodObject<Shape>> {
    const values = Object.entries(shape.shape).map(([name, schema]) => {
      const type = schema as z.ZodType;
      return [name, this.#value(nameOf(name, type), type)];
    });
    return Object.fromEntries(values) as z.output<z.ZodObject<Shape>>;
  }

  #value(name: string, schema: z.ZodType): unknown {
    const text = this.text(name);
    if (text !== undefined && aboutOf(schema)?.secret === true) this.secrets.add(text);
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    if (text === undefined) this.problem(`${name} is missing`);
    else for (const { message } of parsed.error.issues) this.problem(`${name}: ${message}`);
    const unset = schema.safeParse(undefined);
    return unset.success ? unset.data : undefined;
  }
}
