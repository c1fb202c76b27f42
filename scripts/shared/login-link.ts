import { randomBytes } from "node:crypto";
import { loginCodeHash } from "../../core/tokens.ts";
import { createLoginCode, type LoginCode } from "../../queries/ops/sessions.ts";
import type { Queryable } from "../../schema/database.ts";

interface LoginLink {
  holder: Omit<LoginCode, "codeHash" | "minutes">;
  minutes: number;
  apiUrl: string;
}

/** A link that logs in once. What it carries is of no use afterwards, wherever it is kept. */
export async function createLoginLink(database: Queryable, { holder, minutes, apiUrl }: LoginLink): Promise<string> {
  const code = randomBytes(24).toString("base64url");
  await createLoginCode(database, { ...holder, codeHash: loginCodeHash(code), minutes });
  return `${apiUrl}/login?code=${code}`;
}
