import { expect, test } from "@jest/globals";
import { findMapping, readPerformanceFile, defaultLimits } from "./performance-file.ts";
test("smoke", async () => {
  const run = async (text: string | Buffer, name = "document") => {
    const blocks: Buffer[] = [];
    const rejects: unknown[] = [];
    try {
      const counts = await readPerformanceFile(
        (async function* () {
          yield Buffer.from(text as string);
        })(),
        {
          mapping: findMapping(name),
          today: "2025-12-18",
          currency: "USD",
          knownCreatives: null,
          limits: defaultLimits,
          accepted: async (b) => {
            blocks.push(b);
          },
          rejected: async (l) => {
            rejects.push(...l);
          },
        },
      );
      return { counts, text: Buffer.concat(blocks).toString(), rejects };
    } catch (e) {
      return { e, m: String(e) };
    }
  };
  console.log(
    await run(
      "creative_id,date,impressions,clicks,spend,geography,device_type\n79783,2025-11-29,10000,250,125.50,BR,MOBILE\n1912783031778279425,2025-11-29,50,100,0.0000005,na,tablet\n1912783031778279425,2025-11-29,5000,100,0.0000005,na,tablet\r\n",
    ),
  );
  console.log(
    await run(
      '#Day,Country,Creative ID,Buyer account ID,Auctions won,Publisher name,Impressions,Clicks,Spend (buyer currency),Spend (bidder currency)\n1/11/25,Brazil,1912783031778279425,14,8,"YODO1, LTD",9216,3,$4.16,$4.16\n1/11/25,Vietnam,5,14,8,"A ""b"" LTD","9,216",3,US$4.16,$1\n1/11/25,(unknown),5,14,8,"A\nb",1,0,€4.16,€4.16\n"Total",,,,,,,,,\n',
      "authorized-buyers",
    ),
  );
  console.log(await run("a,b\n1,2\n"));
  expect(1).toBe(1);
});
