import { DefaultFailureConverter } from "@temporalio/common";

/** Loaded by path, also into the workflow bundle: it must import nothing else. */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
