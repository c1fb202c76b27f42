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

/** Watched questions of a client are asked once at a time. */
export const questionsWorkflowId = (client: string) => `ask-questions/${client}`;

/** One sentence at a time: the same again joins. `of` is a hash of it. */
export const sentenceWorkflowId = (client: string, of: string) => `understand-question/${client}/${of.slice(0, 16)}`;
