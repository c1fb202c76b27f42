// What tracking would be without batches: each request stores its event and its counters in a transaction of its own.
// One statement, so that it has no more than one way to the database: the naive design at its best.
import Fastify from "fastify";
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { openDatabase, prepared } from "../schema/database.ts";

const database = openDatabase({ url: process.env["DATABASE_URL"] ?? "", poolSize: 20, name: "naive" });
const api = Fastify().withTypeProvider<ZodTypeProvider>();
api.setValidatorCompiler(validatorCompiler);
api.setSerializerCompiler(serializerCompiler);
api.post(
  "/track-impression",
  { schema: { body: z.object({ offer_id: z.number().int(), variation_id: z.number().int() }) } },
  async (request, reply) => {
    const { offer_id: offer, variation_id: variation } = request.body;
    await database.query(
      prepared(
        `with event as (insert into promo.promo_impression_tracking (_client_id, event_id, offer_id, variation_id, tracked_at, tracked_date)
                        values ('713', gen_random_uuid()::text, $1, $2, now(), current_date)),
              variation as (update promo.promo_text_variations set impressions = impressions + 1 where _client_id = '713' and id = $2),
              day as (insert into promo.promo_performance_metrics as m (_client_id, variation_id, offer_id, date, sends, impressions)
                      values ('713', $2, $1, current_date, 1, 1)
                      on conflict (_client_id, variation_id, date) do update set sends = m.sends + 1, impressions = m.impressions + 1)
         update promo.promo_offers set total_impressions = total_impressions + 1 where _client_id = '713' and id = $1`,
        [offer, variation],
      ),
    );
    return reply.code(204).send();
  },
);
await api.listen({ host: "127.0.0.1", port: Number(process.env["API_PORT"]) });
process.send?.("ready");
