/** Under which files are worked on, after the stack's prefix. Whoever starts it, one id is one workflow, and runs once. */

/** `of` is an upload's number, or what tells one file from another. */
export const ingestWorkflowId = (client: string, of: string) => `ingest/${client}/${of}`;

export const redriveWorkflowId = (client: string, fileId: number) => `redrive/${client}/${fileId}`;

/** Each way to read a file that was sent to be looked at is a preview of its own. */
export const previewWorkflowId = (client: string, draftId: string, key: string) =>
  `preview/${client}/${draftId}/${key}`;
