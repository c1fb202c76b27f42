const days = 14;

/** Has the sandbox post AnyTrack's conversions of the last days to the local webhook: empty reports show nothing. */
export async function sendFirstWebhooks(of: {
  sandboxUrl: string;
  hookUrl: string;
  client: string;
  say: (message: string) => void;
}): Promise<void> {
  const { sandboxUrl, hookUrl, client, say } = of;
  // Like AnyTrack, the sandbox posts the conversions it receives to the webhook.
  await fetch(`${sandboxUrl}/_control/anytrack/outgoing`, {
    method: "PUT",
    body: JSON.stringify({ url: hookUrl }),
  }).catch(() => undefined);
  // What comes again says nothing new: a second start stores what has happened since.
  const answer = await fetch(`${sandboxUrl}/_control/anytrack/webhooks`, {
    method: "POST",
    body: JSON.stringify({ url: hookUrl, client, lastDays: days }),
  }).catch((error: unknown) => error);
  const sent = answer instanceof Response && answer.ok;
  say(
    sent
      ? `AnyTrack: the sandbox posts its last ${days} days to the webhook`
      : "AnyTrack: the sandbox's sender did not answer",
  );
}
