import { createTransport } from "nodemailer";
import { mailOf } from "../../rules/ops/message.ts";
import { ConnectorError } from "../errors.ts";
import { gone, type Tell } from "./channel.ts";

interface Mailbox {
  smtpUrl: string;
  from: string;
  to: string;
}

const timeouts = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 15_000, dnsTimeout: 10_000 };

/** Sends a mail. The server's own words are left out of errors: they repeat the address. */
export function mail({ smtpUrl, from, to }: Mailbox): Tell {
  return async (message) => {
    const { subject, text, html } = mailOf(message);
    const transport = createTransport({ url: smtpUrl, ...timeouts });
    try {
      await transport.sendMail({
        from,
        to: { name: "", address: to },
        subject,
        text,
        html,
        messageId: `<${message.key.slice(0, 200)}@signal-room.invalid>`,
        headers: { "Auto-Submitted": "auto-generated" },
        disableFileAccess: true,
        disableUrlAccess: true,
      });
    } catch (error) {
      throw mailFailure(error);
    } finally {
      transport.close();
    }
  };
}

function mailFailure(error: unknown): ConnectorError {
  const { code, responseCode, command } = error as { code?: string; responseCode?: number; command?: string };
  const where = [code, responseCode, command].filter((part) => part !== undefined).join(", ");
  if (code === "EAUTH")
    return new ConnectorError("unauthorized", `the mail server refuses our name and password (${where})`, {
      code: gone,
    });
  if (responseCode !== undefined && responseCode >= 500)
    return code === "EENVELOPE"
      ? new ConnectorError("rejected", `the mail server refuses the address (${where})`, { code: gone })
      : new ConnectorError("rejected", `the mail server refuses the mail (${where})`);
  return new ConnectorError("unavailable", `the mail server did not take it (${where === "" ? "no reason" : where})`);
}
