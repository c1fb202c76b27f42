interface Clustering {
  client: string;
  /** Null for what the settings say. */
  provider: string | null;
  dryRun: boolean;
}

/** Under which creatives are grouped, after the stack's prefix: whoever starts it, one of each kind at a time. */
export const clusterWorkflowId = ({ client, provider, dryRun }: Clustering) =>
  `cluster-campaigns/${client}/${dryRun ? "suggestion" : (provider ?? "as-set")}`;

/** One search of a client at a time, whoever asks for it. */
export const opportunitiesWorkflowId = (client: string) => `detect-opportunities/${client}`;
