/** An id, a day, an amount or a word of ours: it says nothing of a person, or is refused. */
export const namesNobody = "names nobody";

/** What a question names: values of conditions may be anything that campaigns and advertisers are called. */
const questionFields = {
  "question.where[].values[]": "api/outside-fields.db.test.ts",
  "question.compare.slice.values[]": "api/outside-fields.db.test.ts",
  "question.compare.against.values[]": "api/outside-fields.db.test.ts",
  "question.compare.by.amount": namesNobody,
  "question.compare.by.percent": namesNobody,
  "question.compare.value": namesNobody,
  "question.floor.spend": namesNobody,
  "question.period.from": namesNobody,
  "question.period.to": namesNobody,
};

/**
 * Every text that a body of the HTTP API takes from outside, and the test that plants a canary in it and looks for it where
 * it must not be. A new field needs a line here: either that test, or that nothing of a person fits into it.
 */
export const outsideFields: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "PUT /api/v1/ops/alerts/{id}/resolve": {
    notes: "api/outside-fields.db.test.ts",
  },
  "POST /api/v1/ops/syncs": {
    source: namesNobody,
  },
  "POST /api/v1/ops/backfills": {
    source: namesNobody,
    from: namesNobody,
    to: namesNobody,
  },
  "POST /api/v1/ops/channels": {
    name: "api/outside-fields.db.test.ts",
    "areas[]": namesNobody,
    quietFrom: namesNobody,
    quietTo: namesNobody,
    address: "api/ops/channels.db.test.ts",
  },
  "PUT /api/v1/ops/channels/{id}": {
    name: "api/outside-fields.db.test.ts",
    "areas[]": namesNobody,
    quietFrom: namesNobody,
    quietTo: namesNobody,
    address: "api/ops/channels.db.test.ts",
  },
  "POST /api/v1/ops/quarantine/{id}/correct": {
    line: "api/files/correct-line.db.test.ts",
    replaces: namesNobody,
  },
  "PUT /api/v1/cost/mapping": {
    "items[].redtrackSourceId": namesNobody,
    "items[].redtrackSourceName": "api/outside-fields.db.test.ts",
    "items[].everflowAffiliateId": namesNobody,
    "items[].everflowAffiliateLabel": "api/outside-fields.db.test.ts",
  },
  "POST /api/v1/cost/mapping/preview": {
    "items[].redtrackSourceId": namesNobody,
    "items[].redtrackSourceName": "api/outside-fields.db.test.ts",
    "items[].everflowAffiliateId": namesNobody,
    "items[].everflowAffiliateLabel": "api/outside-fields.db.test.ts",
    from: namesNobody,
    to: namesNobody,
  },
  "POST /api/v1/payouts/months/{month}/close": {
    reason: "api/payouts/payouts.db.test.ts",
  },
  "PUT /api/v1/payouts/accounts/{affiliateId}": {
    reason: "api/payouts/payouts.db.test.ts",
  },
  "POST /api/v1/anytrack/track/sale": {
    clickId: namesNobody,
    refId: namesNobody,
    orderId: namesNobody,
    revenue: namesNobody,
    currency: namesNobody,
    productId: namesNobody,
  },
  "POST /api/v1/anytrack/track/lead": {
    clickId: namesNobody,
    refId: namesNobody,
    leadId: namesNobody,
    value: namesNobody,
    currency: namesNobody,
  },
  "POST /api/v1/anytrack/track/conversion": {
    clickId: namesNobody,
    refId: namesNobody,
    orderId: namesNobody,
    revenue: namesNobody,
    currency: namesNobody,
    eventName: namesNobody,
    "customData.*": namesNobody,
  },
  "POST /api/v1/deliveries/retry": {
    destination: namesNobody,
    conversion: namesNobody,
  },
  "PUT /api/v1/rtb/creatives": {
    "items[].creativeId": namesNobody,
    "items[].buyerId": namesNobody,
    "items[].format": namesNobody,
    "items[].canonicalSize": namesNobody,
    "items[].sizeCategory": namesNobody,
    "items[].googleBuyersUrl": namesNobody,
    "items[].declaredClickUrls[]": namesNobody,
    "items[].htmlSnippet": namesNobody,
    "items[].vastXml": namesNobody,
  },
  "PUT /api/v1/rtb/seats": {
    "items[].buyerId": namesNobody,
    "items[].displayName": namesNobody,
    "items[].bidderAccountId": namesNobody,
  },
  "PUT /api/v1/rtb/campaigns": {
    "items[].campaignName": "api/outside-fields.db.test.ts",
    "items[].aiProvider": namesNobody,
    "items[].creativeIds[]": namesNobody,
  },
  "PATCH /api/v1/rtb/campaigns/{id}": {
    name: "api/outside-fields.db.test.ts",
    genre: "api/outside-fields.db.test.ts",
  },
  "POST /api/v1/rtb/campaigns/{id}/split": {
    name: "api/outside-fields.db.test.ts",
    "creatives[]": namesNobody,
  },
  "POST /api/v1/rtb/campaigns/{id}/move": {
    "creatives[]": namesNobody,
  },
  "POST /api/v1/tie-out/resend": {
    "everflowIds[]": namesNobody,
  },
  "POST /api/v1/findings/{id}/state": {
    reason: "api/outside-fields.db.test.ts",
    until: namesNobody,
    done_on: namesNobody,
  },
  "POST /api/v1/rtb/opportunities/{id}/state": {
    reason: "api/outside-fields.db.test.ts",
    until: namesNobody,
    done_on: namesNobody,
  },
  "POST /api/v1/rtb/questions": { name: "api/outside-fields.db.test.ts", ...questionFields },
  "PUT /api/v1/rtb/questions/{id}": { name: "api/outside-fields.db.test.ts", ...questionFields },
  "POST /api/v1/rtb/questions/answer": questionFields,
  "POST /api/v1/rtb/questions/sentence": { sentence: "api/intelligence/questions.db.test.ts" },
  "POST /api/v1/rtb/performance/import": {
    mapping: namesNobody,
    extends: namesNobody,
    "constant[]": namesNobody,
    "ignore[]": namesNobody,
  },
  "POST /api/v1/rtb/pretargeting/plans": { "waste.value": namesNobody, configId: namesNobody },
  "POST /api/v1/rtb/pretargeting/plans/{id}/approve": { digest: namesNobody },
  "POST /api/v1/rtb/traffic": {
    buyerId: namesNobody,
    "items[].timestamp": namesNobody,
    "items[].size": namesNobody,
    "items[].format": namesNobody,
    "items[].geo": namesNobody,
    "items[].deviceType": namesNobody,
  },
  "POST /api/v1/rtb/performance/preview": {
    mapping: namesNobody,
    extends: namesNobody,
    "constant[]": namesNobody,
    "ignore[]": namesNobody,
  },
  "POST /api/v1/rtb/performance/preview/{id}/import": {
    mapping: namesNobody,
    extends: namesNobody,
    "constant[]": namesNobody,
    "ignore[]": namesNobody,
  },
  "POST /api/v1/recon/affiliates/submissions": {
    campaignId: namesNobody,
    url: "api/recon/persons.db.test.ts",
    title: "api/recon/persons.db.test.ts",
    description: "api/recon/persons.db.test.ts",
  },
  "POST /api/v1/recon/affiliates": {
    name: "api/outside-fields.db.test.ts",
    discordUserId: "api/recon/persons.db.test.ts",
  },
  "PUT /api/v1/recon/affiliates/{id}/discord": {
    discordUserId: "api/recon/persons.db.test.ts",
  },
  "POST /api/v1/recon/campaigns": {
    name: "api/outside-fields.db.test.ts",
    advertiserId: namesNobody,
    startsOn: namesNobody,
    endsOn: namesNobody,
  },
  "PUT /api/v1/recon/platforms/{platform}/config": {
    "credentials.*": "api/recon/platforms.db.test.ts",
  },
  "POST /api/v1/recon/platforms/{platform}/fetch": {
    postId: namesNobody,
  },
  "PUT /api/v1/recon/affiliates/{id}/tokens/{platform}": {
    "credentials.*": "api/recon/platforms.db.test.ts",
  },
  "POST /api/v1/recon/reconciliation/run": {
    reportId: namesNobody,
    postId: namesNobody,
    affiliateId: namesNobody,
    campaignId: namesNobody,
  },
  "POST /api/v1/recon/submissions/{reportId}/dispute": {
    reason: "api/recon/persons.db.test.ts",
  },
  "PUT /api/v1/recon/disputes/{id}/settle": {
    notes: "api/recon/persons.db.test.ts",
  },
  "PUT /api/v1/recon/alerts/{id}/resolve": {
    notes: "api/outside-fields.db.test.ts",
  },
  "POST /api/v1/promo/offers": {
    name: "api/outside-fields.db.test.ts",
    offer_type: namesNobody,
    slug: namesNobody,
    click_id_parameter: namesNobody,
  },
  "PATCH /api/v1/promo/offers/{id}": {
    name: "api/outside-fields.db.test.ts",
    click_id_parameter: namesNobody,
  },
  "POST /api/v1/promo/offers/{id}/variations": {
    text_content: "api/outside-fields.db.test.ts",
    cta_text: "api/outside-fields.db.test.ts",
    tone: "api/outside-fields.db.test.ts",
    length_category: namesNobody,
  },
  "PATCH /api/v1/promo/variations/{id}": {
    tone: "api/outside-fields.db.test.ts",
    length_category: namesNobody,
  },
  "POST /api/v1/promo/track-impression": {
    newsletter_send_id: namesNobody,
    event_id: namesNobody,
  },
  "POST /api/v1/promo/track-click": {
    referrer: "api/promo/track.db.test.ts",
    user_agent: "api/promo/track.db.test.ts",
    ip_address: "api/promo/track.db.test.ts",
    event_id: namesNobody,
  },
};
