import type { ComponentChildren } from "preact";
import type { ServerParts } from "../../api/server/parts.ts";
import { temporalAddress } from "../../temporal/address.ts";

type Ui = Pick<ServerParts, "settings">;

/** Where the Temporal UI shows a workflow, or one run of it; null where no setting says where the UI is. */
export function workflowAddress({ settings }: Ui, workflowId: string, runId?: string): string | null {
  if (settings.temporalUiUrl === null) return null;
  const base = settings.temporalUiUrl.replace(/\/$/, "");
  const run = runId === undefined ? "" : `/${encodeURIComponent(runId)}`;
  return `${base}/namespaces/${encodeURIComponent(temporalAddress().namespace)}/workflows/${encodeURIComponent(workflowId)}${run}`;
}

interface WorkflowLinkProps {
  parts: Ui;
  workflowId: string;
  runId?: string;
  children?: ComponentChildren;
}

export function WorkflowLink({ parts, workflowId, runId, children }: WorkflowLinkProps) {
  const href = workflowAddress(parts, workflowId, runId);
  return href === null ? <code>{workflowId}</code> : <a href={href}>{children ?? workflowId}</a>;
}
