/** Under which a report is judged, after the stack's prefix: whoever starts it, it is judged once at a time. */
export const reportWorkflowId = (reportId: string) => `reconcile/${reportId}`;
