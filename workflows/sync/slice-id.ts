/** Under which a slice is read. Without a prefix: a child's id, which running histories hold. */
export const sliceWorkflowId = ({ source, client, day }: { source: string; client: string; day: string }) =>
  `${source}/${client}/${day}`;
