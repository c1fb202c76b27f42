import { expect, test } from "@jest/globals";
import { extendMapping, findMapping, MappingError, parseMapping } from "./mapping.ts";
import { readBytes } from "../../test/read-performance-file.ts";

const base = parseMapping({
  name: "sender",
  title: "A sender",
  columns: { creative_id: ["Ad"], date: ["Day"], impressions: ["Views"], clicks: ["Clicks"], spend: ["Cost"] },
  ignore: ["Note"],
  sumOver: ["Site"],
  combine: "sum",
  preambleLines: 3,
  thousands: true,
  geographies: { Home: "MX" },
});

test("an extension says only what is different, and the rest stays", () => {
  const extended = extendMapping(base, { constants: { clicks: "0" }, ignore: ["Other*"] });
  expect(extended).toMatchObject({
    name: "sender",
    columns: base.columns,
    constants: { clicks: "0" },
    ignore: ["Note", "Other*"],
    preambleLines: 3,
    thousands: true,
    combine: "sum",
  });
  expect(extended.version).not.toBe(base.version);
  expect(extendMapping(base, {}).version).toBe(base.version);
});

test("what it says comes before what was there, and a header that gets another role leaves its old one", async () => {
  const extended = extendMapping(base, {
    name: "sender-b",
    columns: { placement: ["site"], geography: ["Land"], spend: ["Netto"] },
    geographies: { Away: "BR" },
    ignore: ["Cost"],
  });
  expect(extended).toMatchObject({ name: "sender-b", sumOver: [], columns: { spend: ["Netto"] } });
  const { rows } = await readBytes(
    'Ad,Day,Views,Clicks,Netto,Cost,Site,Land\n5,2025-12-01,3,1,"1,000",7,x,Away\n6,2025-12-01,3,1,2,7,y,home\n',
    {
      mapping: extended,
    },
  );
  expect(rows).toMatchObject([
    { spend: "1000", placement: "x", geography: "BR" },
    { spend: "2", placement: "y", geography: "MX" },
  ]);
});

test("an extension that contradicts itself is an error, as any mapping is", () => {
  expect(() => extendMapping(findMapping("document"), { sumOver: ["Site"] })).toThrow(MappingError);
  expect(() => extendMapping(base, { ignore: ["x"], sumOver: ["X"] })).toThrow(/stands in ignore as well/);
});
