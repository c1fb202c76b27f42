import { fileFields, type FileField } from "./header-meanings.ts";

export type Constants = Partial<Record<FileField, string>>;

/** What a person typed for fields that a file has no column for, as `clicks=0`; in words what is wrong with it otherwise. */
export function parseConstants(typed: readonly string[]): { constants: Constants } | { problem: string } {
  const constants: Constants = {};
  for (const text of typed) {
    const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    const field = fileFields.find((one) => one === name.trim());
    if (name === "" || value === "")
      return { problem: `"${text.slice(0, 80)}" must be written field=value, as clicks=0` };
    if (field === undefined)
      return { problem: `there is no field "${name.slice(0, 80)}": there are ${fileFields.join(", ")}` };
    if (constants[field] !== undefined) return { problem: `${field} is given twice` };
    constants[field] = value;
  }
  return { constants };
}
