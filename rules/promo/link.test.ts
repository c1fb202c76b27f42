import { expect, test } from "@jest/globals";
import { newOffer } from "./offer-shapes.ts";
import { promoLink } from "./link.ts";

test.each([
  ["https://aidailypost.com", "https://aidailypost.com/nocodemba?promo_var=42"],
  [
    "https://aidailypost.com/?utm_source=newsletter",
    "https://aidailypost.com/nocodemba?utm_source=newsletter&promo_var=42",
  ],
  ["https://signal-room.example/r/", "https://signal-room.example/r/nocodemba?promo_var=42"],
  ["https://x.example/go?promo_var=9", "https://x.example/go/nocodemba?promo_var=42"],
])("a link below %s is %s", (base, link) => {
  expect(promoLink({ base, slug: "nocodemba", variationId: 42 })).toBe(link);
});

test.each([
  ["destination_url", "javascript:alert(1)"],
  ["destination_url", "ftp://files.example/x"],
  ["destination_url", "https://user:secret@shop.example/"],
  ["destination_url", "//shop.example/"],
  ["landing_url", "file:///etc/passwd"],
  ["slug", "../admin"],
  ["slug", "Upper"],
  ["slug", ""],
  ["click_id_parameter", "sub1&x=1"],
  ["click_id_parameter", "promo_var"],
  ["weight", -1],
  ["weight", Number.POSITIVE_INFINITY],
  ["name", " "],
  ["name", "a\u0000b"],
])("an offer with the %s %p is refused", (field, value) => {
  const offer = { name: "n", slug: "s", destination_url: "https://shop.example/" };
  expect(newOffer.safeParse(offer).success).toBe(true);
  expect(newOffer.safeParse({ ...offer, [field]: value }).error?.issues.map(({ path }) => path)).toContainEqual([
    field,
  ]);
});
