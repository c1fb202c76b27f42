/** One search of a client at a time, whoever asks for it. */
export const findingsWorkflowId = (client: string) => `detect-findings/${client}`;
