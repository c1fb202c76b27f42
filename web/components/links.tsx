import type { ServerParts } from "../../api/server/parts.ts";
import { temporalAddress } from "../../temporal/connection.ts";

/** Where the Temporal UI shows a workflow; null where no setting says where the UI is. */
export function workflowAddress({ settings }: Pick<ServerParts, "settings">, workflowId: string): string | null {
  if (settings.temporalUiUrl === null) return null;
  const base = settings.temporalUiUrl.replace(/\/$/, "");
  return `${base}/namespaces/${encodeURIComponent(temporalAddress().namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}

export function WorkflowLink({ parts, workflowId }: { parts: Pick<ServerParts, "settings">; workflowId: string }) {
  const href = workflowAddress(parts, workflowId);
  return href === null ? <code>{workflowId}</code> : <a href={href}>{workflowId}</a>;
}
