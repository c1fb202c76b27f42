import { slackBody, webhookBody, type Message } from "../../rules/ops/message.ts";
import { ConnectorError } from "../errors.ts";
import { createHttp, type HttpOptions } from "../http.ts";
import { gone, type Tell } from "./channel.ts";

interface Hook extends Pick<HttpOptions, "erase" | "redact" | "beforeRequest" | "signal" | "publicOnly"> {
  kind: "slack" | "webhook";
  url: string;
}

/** Slack says 404 `no_service` and 410 `channel_is_archived` of a hook that will never work again; 400 of one message. */
const closed = ["401", "403", "404", "410", "PRIVATE_ADDRESS"];

/** Posts to a webhook; Slack's are webhooks with a form of their own. The address is the secret. */
export function hook({ kind, url, ...options }: Hook): Tell {
  const http = createHttp({
    ...options,
    baseUrl: url,
    anyAnswer: true,
    limits: { totalTimeoutMs: 10_000, maxBytes: 65_536 },
  });
  const bodyOf = (message: Message) => (kind === "slack" ? slackBody(message) : webhookBody(message));
  return async (message) => {
    try {
      await http.json({ method: "POST", path: "", body: bodyOf(message) });
    } catch (error) {
      if (error instanceof ConnectorError && error.code !== null && closed.includes(error.code))
        throw new ConnectorError("rejected", error.message, { code: gone });
      throw error;
    }
  };
}
