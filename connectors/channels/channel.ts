import type { Message } from "../../rules/ops/message.ts";

/** One way to notify people. Throws ConnectorError; with the code `gone` where only a person can fix it. */
export type Tell = (message: Message) => Promise<void>;

/** The address itself is wrong, closed or not let in: every further message would end the same. */
export const gone = "gone";
