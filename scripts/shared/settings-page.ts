import { z } from "zod";
import { feeds, vendors } from "../../connectors/registry.ts";
import { aboutOf, type AboutSetting } from "../../core/about-setting.ts";
import { limitsShape, sandboxSettings } from "../../sandbox/settings.ts";
import { accountShape } from "../../settings/accounts.ts";
import { areas } from "../../settings/areas.ts";
import { sandboxPlaceArea } from "../../settings/sandbox.ts";
import type { Area } from "../../settings/shapes.ts";
import { windowShape } from "../../settings/windows.ts";

export interface DescribedSetting {
  name: string;
  /** As it is typed; null when there is none. */
  standard: string | null;
  area: string;
  about: AboutSetting & { needs: string };
}

/** Every setting, each once, from the shapes it is read with. `mocks` are the names of the mock vendors. */
export function listSettings(mocks: readonly string[]): DescribedSetting[] {
  const all = [...ownAreas(), sandboxArea(mocks)].flatMap(describeArea);
  return [...new Map(all.map((setting) => [setting.name, setting])).values()];
}

export function describeArea({ title, needs, shape }: Area): DescribedSetting[] {
  return Object.entries(shape.shape).map(([name, schema]) => {
    const said = aboutOf(schema as z.ZodType);
    if (said === null) throw new Error(`${name} is described nowhere: end its shape with .meta(about("..."))`);
    return { name, area: title, standard: standardOf(schema as z.ZodType), about: { needs, ...said } };
  });
}

/** The areas in their order; a vendor's own settings come after the area of its name, or before reconciliation. */
function ownAreas(): Area[] {
  const ofVendors = vendors.map((vendor): Area => {
    const windows = feeds.filter((feed) => feed.vendor.name === vendor.name).map((feed) => windowShape(feed));
    const shapes = [vendor.secrets, vendor.settings ?? z.object({}), accountShape(vendor), ...windows];
    return {
      title: vendor.title ?? `${vendor.name.charAt(0).toUpperCase()}${vendor.name.slice(1)}`,
      needs: "worker",
      shape: z.object(Object.assign({}, ...shapes.map(({ shape }) => scoped(shape, vendor.secrets))) as z.ZodRawShape),
    };
  });
  const titles = areas.map(({ title }) => title);
  const added = ofVendors.filter(({ title }) => !titles.includes(title));
  return areas.flatMap((area) => [
    ...(area.title === "AnyTrack" ? added : []),
    area,
    ...ofVendors.filter(({ title }) => title === area.title),
  ]);
}

/** A vendor's keys are one client's, and secret; its other settings may be shared. */
function scoped(shape: z.ZodRawShape, { shape: secrets }: z.ZodObject): z.ZodRawShape {
  const marked = Object.entries(shape).map(([name, schema]) => {
    const said = aboutOf(schema as z.ZodType);
    if (said === null) return [name, schema] as const;
    const more = name in secrets ? { clients: "own", secret: true } : {};
    return [name, (schema as z.ZodType).meta({ ...said, ...more })] as const;
  });
  return Object.fromEntries(marked);
}

function sandboxArea(mocks: readonly string[]): Area {
  const shape = sandboxPlaceArea.shape.extend(sandboxSettings.shape).extend(limitsShape(mocks).shape);
  return { title: sandboxPlaceArea.title, needs: sandboxPlaceArea.needs, shape };
}

/** What a person would have to type to get what holds without typing anything. */
function standardOf(schema: z.ZodType): string | null {
  const {
    type,
    defaultValue,
    innerType,
    in: input,
  } = schema.def as {
    type: string;
    defaultValue?: unknown;
    innerType?: z.ZodType;
    in?: z.ZodType;
  };
  if (type === "default" || type === "prefault") return String(defaultValue);
  const inner = innerType ?? input;
  return inner === undefined ? null : standardOf(inner);
}

const intro = `# Settings

Every setting there is. Set them in the environment or in a file \`.env\`; a variable in the environment wins. [.env.example](../.env.example) has the few that most people need. Left empty, a setting is not set. Wrong settings are all reported at once, with their names; \`npm run doctor\` tries them.

- **Default**: what holds when it is not set. Values in \`code\` could be typed; *secret* is never printed.
- **Who needs it**: the process that reads it. Commands read what the worker reads.
- **Per client**: *own* settings belong to one client: without a suffix to the first one of \`CLIENTS\`, and \`REDTRACK_API_KEY_ACME\` to the client "acme" (capitals, with _ for other characters). *shared* ones hold for all clients, and a client may have its own with the same suffix.

The sandbox answers for vendors without a key under \`npm start\`; a production worker leaves them out.

This page is generated from the settings' shapes by \`npm run settings-page -- --write\`; never edit it by hand.`;

/** The page docs/settings.md. What only tests and the sandbox use comes last. */
export function describeSettings(settings: readonly DescribedSetting[]): string {
  const forPeople = settings.filter(({ about }) => about.forTests !== true);
  const areasOf = [...new Set(forPeople.map(({ area }) => area))];
  const parts = [
    intro,
    ...areasOf.map((area) => `## ${area}\n\n${table(forPeople.filter((setting) => setting.area === area))}`),
    "## For the sandbox and tests",
    "These are not needed to run Signal Room on real accounts.",
    table(settings.filter(({ about }) => about.forTests === true)),
  ];
  return `${parts.join("\n\n")}\n`;
}

function table(settings: readonly DescribedSetting[]): string {
  const rows = settings.map(({ name, standard, about }) => {
    const cells = [defaultOf(standard, about), about.unit ?? "", about.needs, about.clients ?? "", about.description];
    return `| \`${name}\` | ${cells.map(cell).join(" | ")} |`;
  });
  return [
    "| setting | default | unit | who needs it | per client | what it is |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function defaultOf(standard: string | null, { unset, example, secret }: AboutSetting): string {
  const parts = [
    secret === true ? "*secret*" : undefined,
    standard === null || standard === "" ? unset : `\`${standard}\``,
    example === undefined ? undefined : `e.g. \`${example}\``,
  ];
  return parts.filter((part) => part !== undefined).join("; ");
}

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
