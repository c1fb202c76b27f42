import { examples } from "../../rules/intelligence/question-examples.ts";
import type { Area } from "./demo.ts";

/** The three questions to begin with, saved; the first is watched. */
export const questionsArea: Area = {
  name: "questions",
  vendors: ["authorized_buyers"],
  joinsNoReal: true,
  counted: `select count(*)::int as rows from rtb.questions where _client_id = $1 and $2::date <= $3::date
              and name in (${examples.map(({ name }) => `'${name}'`).join(", ")})`,
  async fill({ stack }, show) {
    show("questions");
    const { items } = await stack.api<{ items: { name: string }[] }>("GET", "/rtb/questions?limit=500");
    const known = new Set(items.map(({ name }) => name.toLowerCase()));
    for (const [at, { name, question }] of examples.entries())
      if (!known.has(name.toLowerCase()))
        await stack.api("POST", "/rtb/questions", { body: { name, question, isWatched: at === 0 } });
  },
};
