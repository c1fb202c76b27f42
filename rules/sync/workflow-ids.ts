/** Under which feeds are read, after the stack's prefix. Whoever starts it, a second start joins the first while it runs. */

interface Feed {
  source: string;
  client: string;
}

export const syncByHandWorkflowId = ({ source, client }: Feed) => `sync/${source}/${client}/by-hand`;

/** A dry run and a real one of the same days are two. */
export const backfillWorkflowId = (of: Feed & { from: string; to: string; dryRun?: boolean }) =>
  `backfill/${of.source}/${of.client}/${of.from}..${of.to}${of.dryRun === true ? "/dry-run" : ""}`;
