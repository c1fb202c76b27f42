/** What an operator accepts by name before anything is changed. A new text is a new version: earlier acceptances are of the earlier text. */
export const warning = {
  version: 1,
  text: [
    "May impact QPS. Applying pretargeting changes can kill the bidder's QPS; fixing that by hand takes about an hour, and what is lost meanwhile varies.",
    "This has been tried against a mock server only, not against Google: how soon a change takes effect there, and how quotas and reviews behave, is not verified.",
    "The exchange has no lock and no version of a configuration: what another person changes in the moment between our look and our write cannot be seen.",
    "I have read the difference, I may make this change for the account, and I accept that the consequences are the account holder's.",
  ],
} as const;

export const warningText = warning.text.join("\n");
