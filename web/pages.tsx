import compress from "@fastify/compress";
import type { FastifyReply, FastifyRequest } from "fastify";
import { forLog, toAnswer } from "../api/server/errors.ts";
import type { Api, Area, ServerParts } from "../api/server/parts.ts";
import { zoneOf } from "../api/server/zone.ts";
import { Notice, PageHead } from "./components/parts.tsx";
import { alertPages } from "./alerts/page.tsx";
import { auditPages } from "./audit/page.tsx";
import { conversionPage } from "./conversions/conversion.tsx";
import { deliveryPages } from "./conversions/deliveries.tsx";
import { conversionPages } from "./conversions/page.tsx";
import { mappingPages } from "./cost/mapping.tsx";
import { costDaysPages } from "./cost/days.tsx";
import { costPages } from "./cost/page.tsx";
import { whyPages } from "./cost/why.tsx";
import { fileDetailPages } from "./files/file.tsx";
import { filePages } from "./files/page.tsx";
import { previewPages } from "./files/preview.tsx";
import { quarantinePages } from "./files/quarantine.tsx";
import { uploadPages } from "./files/upload.tsx";
import { countryPages } from "./intelligence/countries.tsx";
import { findingPage } from "./findings/finding.tsx";
import { resendPages } from "./findings/resend.tsx";
import { tieOutPages } from "./findings/tie-out.tsx";
import { findingPages } from "./findings/findings.tsx";
import { opportunityPages } from "./intelligence/opportunities.tsx";
import { opportunityPage } from "./intelligence/opportunity.tsx";
import { questionPages } from "./intelligence/questions.tsx";
import { scorecardPages } from "./intelligence/scorecard.tsx";
import { loginPages } from "./login/login.tsx";
import { sessionPages } from "./login/sessions.tsx";
import { channelPages } from "./ops/channels.tsx";
import { morningPage } from "./overview/page.tsx";
import { affiliatePages } from "./recon/affiliates.tsx";
import { campaignPage } from "./recon/campaign.tsx";
import { claimPages } from "./recon/claims.tsx";
import { reconPages } from "./recon/page.tsx";
import { platformPages } from "./recon/platforms.tsx";
import { reportPages } from "./recon/report.tsx";
import { campaignPage as groupPage } from "./rtb/campaign.tsx";
import { campaignPages } from "./rtb/campaigns.tsx";
import { creativePage, creativePicture } from "./rtb/creative.tsx";
import { creativePages } from "./rtb/creatives.tsx";
import { seatPages } from "./rtb/seats.tsx";
import { suggestionPage } from "./rtb/suggestions.tsx";
import { wastePages } from "./rtb/waste.tsx";
import { serveAssets, type Assets } from "./shared/assets.ts";
import { freshnessPages } from "./freshness/page.tsx";
import { payoutPages } from "./payouts/page.tsx";
import { pretargetingPlanPage } from "./pretargeting/plan.tsx";
import { pretargetingPages } from "./pretargeting/plans.tsx";
import { promoForms } from "./promo/forms.tsx";
import { promoOfferPage } from "./promo/offer.tsx";
import { promoPages } from "./promo/page.tsx";
import { receiptPages } from "./receipts/page.tsx";
import { runPages } from "./runs/page.tsx";
import { spendPages } from "./spend/page.tsx";
import { sendBare } from "./shared/page.tsx";
import { viewerOf, type Web } from "./shared/web.ts";

/** One line per page; each is a folder with its page and what only it needs. */
const pages: readonly ((web: Web) => void | Promise<void>)[] = [
  loginPages,
  sessionPages,
  morningPage,
  spendPages,
  costPages,
  costDaysPages,
  whyPages,
  mappingPages,
  conversionPages,
  conversionPage,
  deliveryPages,
  creativePages,
  creativePage,
  creativePicture,
  campaignPages,
  groupPage,
  suggestionPage,
  seatPages,
  wastePages,
  findingPages,
  tieOutPages,
  resendPages,
  findingPage,
  opportunityPages,
  scorecardPages,
  countryPages,
  opportunityPage,
  pretargetingPages,
  pretargetingPlanPage,
  questionPages,
  channelPages,
  filePages,
  uploadPages,
  previewPages,
  fileDetailPages,
  quarantinePages,
  reconPages,
  reportPages,
  campaignPage,
  affiliatePages,
  platformPages,
  claimPages,
  payoutPages,
  promoPages,
  promoOfferPage,
  promoForms,
  receiptPages,
  freshnessPages,
  runPages,
  alertPages,
  auditPages,
];

/** The pages that people open, beside the JSON routes, on the same port. */
export const webArea: Area = {
  prefix: "",
  routes: async (api: Api, parts: ServerParts) => {
    await api.register(compress, {
      encodings: ["br", "gzip"],
      threshold: 1_024,
      // A page of 700 cards in 5 ms instead of 15, and a tenth longer.
      zlibOptions: { level: 4 },
      brotliOptions: { params: { 0: 1, 1: 4 } },
    });
    const assets = await serveAssets(api);
    readForms(api);
    answerErrorsAsPages(api, parts, assets);
    for (const add of pages) await add({ api, parts, assets });
  },
};

/** What a form sends: text fields only; of a name that comes twice all values. */
function readForms(api: Api): void {
  api.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) => {
    const fields = new URLSearchParams(body as string);
    const read: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
    for (const name of new Set(fields.keys())) {
      const [first = "", ...more] = fields.getAll(name);
      if (more.length > 0) read[name] = [first, ...more];
      else if (first !== "") read[name] = first;
    }
    done(null, read);
  });
}

/** Whoever is not logged in is sent to do so, and comes back; what went wrong is said on a page. */
function answerErrorsAsPages(api: Api, parts: ServerParts, assets: Assets): void {
  api.setErrorHandler((error, request, reply) => {
    const { status, body } = toAnswer(error, request.id);
    if (status === 401) return sendToLogin(request, reply);
    if (status >= 500) request.log[status === 503 ? "warn" : "error"]({ error: forLog(error) }, "a page failed");
    if (status === 503) reply.header("retry-after", "5");
    const viewer = request.caller === null && request.affiliate === null ? null : viewerOf(request);
    const zone = zoneOf(parts, viewer?.client ?? "");
    const isUnclear = status === 409 && request.method === "GET";
    const title = isUnclear ? "Several have this name" : (titles[status] ?? "This did not work");
    return sendBare(
      reply,
      { assets, title, status, viewer, zone },
      <>
        <PageHead title={title} />
        <Notice tone={status >= 500 ? "bad" : "warning"}>
          <p>{capitalised(body.message)}</p>
          <p>
            <a href={request.method === "GET" ? (request.url.split("?")[0] ?? "/") : "/"}>
              {request.method === "GET" && status === 400 ? "Open the page without filters" : "Go on"}
            </a>
          </p>
        </Notice>
      </>,
    );
  });
}

const titles: Record<number, string> = {
  400: "That cannot be",
  403: "Not allowed",
  404: "There is no such page",
  409: "Changed in the meantime",
  429: "Too many requests",
  503: "Not available now",
};

const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function sendToLogin(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // Where they wanted to go, when that was to look at something.
  const next = request.method === "GET" && request.url !== "/" ? `?next=${encodeURIComponent(request.url)}` : "";
  return reply.code(303).header("location", `/login${next}`).send();
}
