import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import { call, form, param } from "../shared/page.tsx";
import { keepers, type At, type Web } from "../shared/web.ts";
import { rtb, type CampaignDetails, type Facets } from "./answers.ts";

const number = wholeNumber();
const name = z.string({ error: "a name is needed" });
const creatives = z
  .union([z.string().transform((one) => [one]), z.array(z.string())], { error: "tick the creatives first" })
  .describe("names of creatives");

interface Decided {
  campaignId: number;
}

/** What people decide about a campaign: the JSON routes check, do and record it. */
export function campaignForms(web: Web): void {
  const decide = async (at: At<object>, what: string, body: object, method: "POST" | "PATCH" = "POST") =>
    (await call<Decided>(web, at.request, { method, url: `${rtb}/campaigns/${what}`, body })).body.campaignId;

  form(web, { url: "/campaigns/:id/rename", who: keepers, body: z.object({ name }) }, async (at, body) => {
    const id = param(at, "id");
    await decide(at, id, body, "PATCH");
    return `/campaigns/${id}`;
  });
  form(web, { url: "/campaigns/:id/genre", who: keepers, body: z.object({ genre: z.string() }) }, async (at, body) => {
    const id = param(at, "id");
    await decide(at, id, { genre: body.genre.trim() === "" ? null : body.genre }, "PATCH");
    return `/campaigns/${id}`;
  });
  form(web, { url: "/campaigns/:id/merge", who: keepers, body: z.object({ into: number }) }, async (at, { into }) => {
    const id = await decide(at, `${into}/merge`, { from: [param(at, "id")] });
    return `/campaigns/${id}`;
  });
  form(web, { url: "/campaigns/:id/split", who: keepers, body: z.object({ name, creatives }) }, async (at, body) => {
    const id = await decide(at, `${param(at, "id")}/split`, body);
    return `/campaigns/${id}`;
  });
  form(
    web,
    { url: "/campaigns/:id/move", who: keepers, body: z.object({ to: number, creatives }) },
    async (at, { to, creatives: moved }) => {
      const id = param(at, "id");
      await decide(at, `${id}/move`, { to, creatives: moved });
      return `/campaigns/${id}`;
    },
  );
}

/** What can be decided about all of a campaign. */
export function ChangeForms({ campaign, others }: { campaign: CampaignDetails; others: Facets["campaigns"] }) {
  const own = `/campaigns/${campaign.campaignId}`;
  return (
    <section class="panel" aria-labelledby="change">
      <h2 id="change">Change it</h2>
      <p class="quiet">What you decide stays, whatever is grouped later.</p>
      <div class="columns">
        <form method="post" action={`${own}/rename`} class="row">
          <label>
            Name <input name="name" value={campaign.campaignName} required minLength={3} maxLength={80} />
          </label>
          <button type="submit">Rename</button>
        </form>
        <form method="post" action={`${own}/genre`} class="row">
          <label>
            Genre <input name="genre" value={campaign.genre ?? ""} minLength={2} maxLength={30} />
          </label>
          <button type="submit">Set genre</button>
          <span class="quiet">Left empty, the next grouping says it.</span>
        </form>
        {others.length === 0 ? null : (
          <form method="post" action={`${own}/merge`} class="row">
            <label>
              Merge all of it into{" "}
              <select name="into">
                {others.map(({ value, name: other }) => (
                  <option key={value} value={value}>
                    {other}
                  </option>
                ))}
              </select>
            </label>
            <button type="submit" class="danger">
              Merge
            </button>
            <span class="quiet">This one is then gone: its creatives, and what is found of it later, go there.</span>
          </form>
        )}
      </div>
    </section>
  );
}
