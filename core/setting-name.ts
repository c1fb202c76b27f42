/** The spelling of a client, vendor or source in the name of a setting. */
export function settingName(...parts: string[]): string {
  return parts.map((part) => part.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_")).join("_");
}
