import type { FileField } from "../../rules/files/header-meanings.ts";
import type { CopyText } from "./copy-text.ts";
import type { LineFault } from "./line-fault.ts";
import type { LineRules } from "./shapes.ts";

/** What the cells of one file are read with, whatever they mean. */
export interface CellReading {
  rules: LineRules;
  /** What stands for a column that the file does not have. */
  constants: Partial<Record<FileField, Buffer>>;
  out: CopyText;
  faults: LineFault;
}
