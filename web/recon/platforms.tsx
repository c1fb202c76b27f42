import { z } from "zod";
import { platformNames } from "../../connectors/platforms/addresses.ts";
import { Badge, Moment, None } from "../components/format.tsx";
import { Fact, factsOf, PageHead } from "../components/parts.tsx";
import { call, form, get, page } from "../shared/page.tsx";
import { keepers, readers, type Web } from "../shared/web.ts";
import { recon, type PlatformStatus } from "./answers.ts";

const statusOf = (platform: string) => `${recon}/platforms/${platform}/status`;

/** Whether the platforms answer, how much of their quota is left, and whether they or their sandboxes are asked. */
export function platformPages(web: Web): void {
  page(web, { url: "/reconciliation/platforms", who: readers }, async ({ request, zone, viewer }) => {
    const all = await Promise.all(platformNames.map((name) => get<PlatformStatus>(web, request, statusOf(name))));
    return {
      title: "Platforms",
      body: (
        <>
          <PageHead title="Platforms" lead="As the last calls to them went." />
          <div class="columns">
            {all.map((platform) => (
              <Platform key={platform.platform} platform={platform} zone={zone} isKeeper={viewer.isKeeper} />
            ))}
          </div>
        </>
      ),
    };
  });

  const wanted = z.object({
    platform: z.enum(platformNames as [string, ...string[]]),
    mode: z.enum(["real", "sandbox", "settings"]),
  });
  form(
    web,
    { url: "/reconciliation/platforms/switch", who: keepers, body: wanted },
    async ({ request }, { platform, mode }) => {
      const body = { mode: mode === "settings" ? null : mode };
      await call(web, request, { method: "PUT", url: `${recon}/platforms/${platform}/config`, body });
      return "/reconciliation/platforms";
    },
  );
}

interface PlatformProps {
  platform: PlatformStatus;
  zone: string;
  isKeeper: boolean;
}

function Platform({ platform, zone, isKeeper }: PlatformProps) {
  const { platform: name, works, mode } = platform;
  const moment = (at: string | null) => (at === null ? <None why="never" /> : <Moment at={new Date(at)} zone={zone} />);
  return (
    <section class="panel" aria-labelledby={`platform-${name}`}>
      <h2 id={`platform-${name}`}>
        {name}{" "}
        <Badge tone={works === null ? "quiet" : works ? "good" : "bad"}>
          {works === null ? "not asked yet" : works ? "works" : "fails"}
        </Badge>
      </h2>
      <dl class="facts">
        <dt>Asked</dt>
        <dd>{mode === null ? "as the settings have it" : mode === "real" ? "the platform itself" : "its sandbox"}</dd>
        <dt>Credentials kept here</dt>
        <dd>{platform.hasCredentials ? "yes, sealed" : "no"}</dd>
        <dt>Last answer</dt>
        <dd>{moment(platform.lastOkAt)}</dd>
        <dt>Last error</dt>
        <dd>
          {moment(platform.lastErrorAt)} {platform.lastError}
        </dd>
        <dt>Quota left</dt>
        <dd>
          <Fact of={factsOf(statusOf(name))("quotaLeftPct", platform.quotaLeftPct)}>
            {platform.quotaLeftPct === null ? <None why="the platform did not say" /> : `${platform.quotaLeftPct} %`}
          </Fact>
        </dd>
      </dl>
      {isKeeper ? (
        <form class="row" method="post" action="/reconciliation/platforms/switch">
          <input type="hidden" name="platform" value={name} />
          <label>
            <span class="visually-hidden">Ask {name}</span>
            <select name="mode">
              <option value="settings" selected={mode === null}>
                as the settings have it
              </option>
              <option value="real" selected={mode === "real"}>
                the platform itself
              </option>
              <option value="sandbox" selected={mode === "sandbox"}>
                its sandbox
              </option>
            </select>
          </label>
          <button type="submit">Switch</button>
        </form>
      ) : null}
    </section>
  );
}
