import { bigint, index, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { clientColumn, instant } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { ops } from "./ops.ts";

/** Who is logged in to the pages. The browser holds a random id; here lies only its hash. */
export const sessions = ops.table(
  "sessions",
  {
    sessionId: bigint("session_id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    ...clientColumn,
    sessionHash: text("session_hash").notNull(),
    role: text("role"),
    advertiser: text("advertiser"),
    affiliateId: bigint("affiliate_id", { mode: "number" }),
    keyHash: text("key_hash"),
    subject: text("subject").notNull(),
    loggedInBy: text("logged_in_by").notNull(),
    browser: text("browser").notNull(),
    createdAt: instant("created_at").notNull().defaultNow(),
    lastSeenAt: instant("last_seen_at").notNull().defaultNow(),
    expiresAt: instant("expires_at").notNull(),
    endedAt: instant("ended_at"),
    endedBy: text("ended_by"),
  },
  (table) => [
    uniqueIndex("sessions_hash").on(table.sessionHash),
    index("sessions_of_client").on(table.clientId, table.expiresAt),
  ],
);

/** Codes that log in once, such as the one in the link that `npm start` prints. */
export const loginCodes = ops.table("login_codes", {
  codeHash: text("code_hash").primaryKey(),
  ...clientColumn,
  role: text("role").notNull(),
  advertiser: text("advertiser"),
  subject: text("subject").notNull(),
  expiresAt: instant("expires_at").notNull(),
  usedAt: instant("used_at"),
});

/** When each person last opened the morning page: what changed since is shown to them. */
export const lastLooks = ops.table(
  "last_looks",
  {
    ...clientColumn,
    subject: text("subject").notNull(),
    lookedAt: instant("looked_at").notNull(),
    lookedBeforeAt: instant("looked_before_at"),
  },
  (table) => [primaryKey({ name: "last_looks_key", columns: [table.clientId, table.subject] })],
);

describeTable(sessions, "Who is or was logged in to the pages.", {
  sessionId: "Number of the session.",
  sessionHash: "Hash of the id that the browser holds.",
  role: "What the person may do; null for an affiliate.",
  advertiser: "Whose campaigns a session of role advertiser sees.",
  affiliateId: "The affiliate who logged in with their key; null for others.",
  keyHash: "Hash of that key: when the key is replaced or disabled, the session ends.",
  subject: "Who it is, as the audit log names them.",
  loggedInBy: "How: link (a one-time code), key (an affiliate's API key) or the identity provider.",
  browser: "Kind of browser, such as Firefox.",
  createdAt: "When the person logged in.",
  lastSeenAt: "When a page was last opened, to the minute.",
  expiresAt: "When the session ends by itself.",
  endedAt: "When it was ended by hand.",
  endedBy: "Who ended it.",
});

describeTable(loginCodes, "Codes that log in to the pages once.", {
  codeHash: "Hash of the code.",
  role: "The role it logs in with.",
  advertiser: "The advertiser, for that role.",
  subject: "Who logs in.",
  expiresAt: "When the code ends by itself.",
  usedAt: "When it was used; it works once.",
});

describeTable(lastLooks, "When each person last opened the morning page.", {
  subject: "Who, as the audit log names them.",
  lookedAt: "When they last opened it.",
  lookedBeforeAt: "When the visit before the present one ended: what changed since then is new to them.",
});
