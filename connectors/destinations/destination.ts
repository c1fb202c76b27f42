import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { present } from "../../core/present.ts";
import { settingName } from "../../core/setting-name.ts";
import type { Identity } from "../../rules/conversions/identity.ts";
import { personDestinations } from "../../rules/conversions/person-destinations.ts";
import type { Http } from "../http.ts";
import type { Vendor } from "../source.ts";
import type { Outgoing, Settled } from "./outgoing.ts";
import { feedsSetting, typesSetting } from "./routing.ts";

/** An account at a destination, within reach. */
export interface Reach {
  http: Http;
  /** By their names as settings. */
  secrets: Record<string, string>;
  settings: Record<string, string>;
}

/** Conversions to send in as few calls as the vendor allows: never more than `mostAtOnce`, none older than `ageLimitMs`. */
export interface Batch extends Reach {
  conversions: readonly Outgoing[];
  /** Personal data by conversion; empty at a destination that is sent none. */
  identities: ReadonlyMap<string, Identity>;
  /** Writes down what became of some of them, as soon as that is known. */
  onSettled: (settled: Settled[]) => Promise<void>;
}

/** What a destination says about deliveries, beside its account. */
interface Deliveries {
  /** How many conversions one call may carry. */
  mostAtOnce: number;
  /** How long a conversion may wait before the vendor refuses it; null: for ever. */
  ageLimitMs: number | null;
  /** How long the vendor recognises a repeat by its id, so that sending again is safe; null: for ever. */
  repeatMs: number | null;
  /** A record can be written again when its conversion has changed; an event that was counted stays counted. */
  corrects: boolean;
  /** What the vendor calls a conversion: decided once and kept in the ledger. The feed's own name when left out. */
  eventName?: (feedsName: string) => string;
  /** Looks at what has to be there before anything is sent. */
  checkAccount?: (account: Reach) => Promise<void>;
  /** Settles each conversion once. Throws ConnectorError for what concerns the account and not a conversion. */
  send: (batch: Batch) => Promise<void>;
}

/** Where conversions are sent. Nothing here waits, retries, logs or reads the environment. */
export interface Destination extends Vendor, Deliveries {
  isDestination: true;
  /** It is sent personal data: its account stands in `rules/conversions/person-destinations.ts`. */
  takesPersons: boolean;
}

/** Adds what every destination has: the settings that say which conversions go there, and a mock server's clock. */
export function defineDestination<Secrets extends z.ZodObject>(
  given: Omit<Vendor<Secrets>, "isDestination"> & Deliveries,
): Destination {
  const named = (setting: string) => settingName(given.name, setting);
  const settings = (given.settings ?? z.object({})).extend({
    [named("FEEDS")]: feedsSetting.meta(
      about("Whose conversions go there: anytrack, everflow, or both with a comma between.", { clients: "shared" }),
    ),
    [named("TYPES")]: typesSetting.meta(about("Which types of them.", { clients: "shared" })),
    [named("CLOCK")]: present.optional().meta(
      about("The present of a mock vendor whose clock is set; `npm start` sets it with SANDBOX_TODAY.", {
        clients: "shared",
        forTests: true,
        example: "2025-12-18",
      }),
    ),
  });
  const takesPersons = personDestinations.some(({ name }) => name === given.name);
  // What takes one shape of secrets does not take any: the shape stands beside it, and checks them before they come here.
  return { ...(given as Vendor & Deliveries), settings, isDestination: true, takesPersons };
}

/** Parts a batch into what may still be sent and what has become too old since it was taken. */
export function partByAge<Conversion extends Pick<Outgoing, "conversionKey" | "eventTime">>(
  conversions: readonly Conversion[],
  { now, ageLimitMs }: { now: Date; ageLimitMs: number | null },
): { inTime: Conversion[]; expired: Settled[] } {
  const isOld = ({ eventTime }: Conversion) => ageLimitMs !== null && now.getTime() - eventTime.getTime() > ageLimitMs;
  const expired = conversions.filter(isOld).map(({ conversionKey }): Settled => ({
    conversionKey,
    state: "expired",
    answer: "not sent: too old for the destination",
  }));
  return { inTime: conversions.filter((conversion) => !isOld(conversion)), expired };
}
