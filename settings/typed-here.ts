import path from "node:path";
import { projectRoot } from "./environment.ts";

const inClone = /\bnpm (?:run ([a-z][a-z:-]*[a-z])(?: --(?= ))?|(start)\b)/g;

/** Commands as they are typed in a clone become those of an installed package, which has no scripts of its own: `npx signal-room …`. */
export function asPackage(text: string): string {
  return text.replaceAll(inClone, (_, command?: string, start?: string) => `npx signal-room ${command ?? start}`);
}

const isPackage = projectRoot().split(path.sep).includes("node_modules");

/** A text that names a command, as it is typed where this runs. */
export const typedHere: (text: string) => string = isPackage ? asPackage : (text) => text;
