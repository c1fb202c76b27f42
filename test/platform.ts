import type { RequestEntry } from "../sandbox/request-log.ts";
import { startSandbox, type SandboxOptions } from "../sandbox/server.ts";
import type { TurnOutcome } from "../connectors/http.ts";
import { vendorHttp } from "../connectors/vendor-http.ts";
import type { Quota } from "../connectors/source.ts";
import type { Platform, PlatformAnswer } from "../connectors/platforms/platform.ts";

/** One platform on its mock server, called as an activity calls it. */
export async function playPlatform(platform: Platform, options: SandboxOptions = {}) {
  const sandbox = await startSandbox(options);
  const { vendor } = platform;
  const baseUrl = `${sandbox.url}/${vendor.name}`;
  const quotas: Quota[] = [];
  const turns: TurnOutcome[] = [];

  async function control(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${sandbox.url}/_control${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer;
  }

  return {
    url: sandbox.url,
    /** What the headers said, and what each turn ended with. */
    quotas,
    turns,
    control,
    close: () => sandbox.close(),
    set: (post: object) => control("POST", "/posts", { platform: platform.name, ...post }),
    fault: (kind: string, parameters: object = {}) =>
      control("POST", "/faults", { vendor: vendor.name, kind, ...parameters }),
    async reset(): Promise<void> {
      for (const path of ["/posts", `/faults?vendor=${vendor.name}`, "/log", `/${vendor.name}/links`, "/clock"])
        await control("DELETE", path);
      quotas.length = 0;
      turns.length = 0;
    },
    async calls(): Promise<RequestEntry[]> {
      return ((await control("GET", `/log?vendor=${vendor.name}`)) as { entries: RequestEntry[] }).entries;
    },
    fetch(url: string, credentials: Record<string, string>): Promise<PlatformAnswer> {
      const secretNames = [...Object.keys(vendor.secrets.shape), ...platform.ownCredentials];
      const secrets = secretNames.flatMap((name) => credentials[name] ?? []);
      const http = vendorHttp({
        vendor,
        account: {
          baseUrl,
          secrets: Object.fromEntries(secrets.map((secret, place) => [String(place), secret])),
          settings: {},
        },
        redact: (text) => text,
        onQuota: (quota) => void quotas.push(quota),
        beforeRequest: () =>
          Promise.resolve((outcome) => {
            turns.push(outcome);
            return Promise.resolve();
          }),
      });
      return platform.fetchMetrics({ http, post: { url, postId: null, postedAt: null }, credentials });
    },
  };
}
