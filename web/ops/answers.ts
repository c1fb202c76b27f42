import type { z } from "zod";
import type { channel, channelDelivery } from "../../api/ops/channels.ts";

/** What the JSON routes answer: the pages show that, and nothing else. */
export type Channel = z.infer<typeof channel>;
export type ChannelDelivery = z.infer<typeof channelDelivery>;
