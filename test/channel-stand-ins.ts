import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

/** One call of a webhook, as it arrived. */
export interface Hooked {
  path: string;
  text: string;
  body: Record<string, unknown>;
}

export interface HookStandIn {
  url: string;
  calls: Hooked[];
  /** What the next calls of a path are answered; without it 200. `hang` never answers, `hold` waits for `release`. */
  answers: Map<string, (number | "hang" | "hold")[]>;
  always: Map<string, number | "hang">;
  headers: Map<string, Record<string, string>>;
  release: () => void;
  of: (path: string) => Hooked[];
  stop: () => void;
}

/** Slack and other webhooks, on loopback: real HTTP, with the answers that Slack documents. */
export async function hookStandIn(): Promise<HookStandIn> {
  const held: (() => void)[] = [];
  const words: Record<number, string> = {
    200: "ok",
    400: "invalid_payload",
    404: "no_service",
    410: "channel_is_archived",
  };
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      standIn.calls.push({ path, text, body: JSON.parse(text) as Record<string, unknown> });
      const answer = standIn.answers.get(path)?.shift() ?? standIn.always.get(path) ?? 200;
      if (answer === "hang") return;
      const status = answer === "hold" ? 200 : answer;
      const send = () => response.writeHead(status, standIn.headers.get(path) ?? {}).end(words[status] ?? "no");
      if (answer === "hold") held.push(send);
      else send();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const standIn: HookStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    answers: new Map(),
    always: new Map(),
    headers: new Map(),
    release: () => held.splice(0).forEach((send) => send()),
    of: (path) => standIn.calls.filter((call) => call.path === path),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return standIn;
}

export interface MailStandIn {
  url: string;
  mails: { to: string[]; raw: string }[];
  /** Addresses that are refused for good. */
  refused: Set<string>;
  password: string;
  stop: () => Promise<void>;
}

/** A mail server on loopback that asks for a name and password. */
export async function mailStandIn(): Promise<MailStandIn> {
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    onAuth: ({ password }, _session, done) =>
      password === standIn.password ? done(null, { user: "signal-room" }) : done(new Error("wrong password")),
    onRcptTo: ({ address }, _session, done) =>
      standIn.refused.has(address)
        ? done(Object.assign(new Error(`no mailbox ${address}`), { responseCode: 550 }))
        : done(),
    onData: (stream, { envelope }, done) => {
      let raw = "";
      stream.on("data", (chunk: Buffer) => (raw += chunk.toString()));
      stream.on("end", () => {
        standIn.mails.push({ to: envelope.rcptTo.map(({ address }) => address), raw });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  const standIn: MailStandIn = {
    url: `smtp://signal-room:the-right-password@127.0.0.1:${port}`,
    mails: [],
    refused: new Set(),
    password: "the-right-password",
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
  return standIn;
}
