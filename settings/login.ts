import { z } from "zod";
import { about } from "../core/about-setting.ts";
import { defineArea, wholeNumber } from "./shapes.ts";

const address = z.url({ protocol: /^https?$/, error: "must be an address" });
const text = z.string().min(1);
const claim = (standard: string, what: string) =>
  text.default(standard).meta(about(`The provider's claim that says ${what}.`));

/** Who logs in to the pages, other than by a link or a key. */
export const loginArea = defineArea({
  title: "Pages: logging in",
  needs: "API",
  shape: z.object({
    SESSION_HOURS: wholeNumber(1, 720)
      .default(12)
      .meta(about("How long a person stays logged in to the pages.", { unit: "hours" })),
    OIDC_ISSUER: address.optional().meta(
      about("The identity provider that people log in with; needs OIDC_CLIENT_ID and PUBLIC_URL.", {
        unset: "people log in by a link or a key",
      }),
    ),
    OIDC_CLIENT_ID: text.optional().meta(about("How the provider knows this program.")),
    OIDC_CLIENT_SECRET: text
      .optional()
      .meta(about("This program's secret there, where the provider gives one.", { secret: true })),
    OIDC_SCOPE: text.default("openid profile").meta(about("What the provider is asked for.")),
    OIDC_CLIENT_CLAIM: claim("client", "whose numbers a person may see"),
    OIDC_ROLE_CLAIM: claim("role", "which role a person has"),
    OIDC_ADVERTISER_CLAIM: claim("advertiser", "which advertiser a person belongs to"),
    OIDC_NAME_CLAIM: claim("sub", "what a person is called in the audit log"),
    PUBLIC_URL: address.optional().meta(
      about("Where the pages are for the browser: the provider sends people back there.", {
        example: "https://signal-room.example",
      }),
    ),
  }),
});
