import { expect, test } from "@jest/globals";
import pg from "pg";
import { exitCodes, explain } from "./failures.ts";

const answered = (code: string) =>
  Object.assign(new pg.DatabaseError("could not extend file", 0, "error"), { code, severity: "ERROR" });

test("a full disk is named, and is no mistake of whoever typed the command", async () => {
  expect(await explain(answered("53100"))).toEqual({
    exitCode: exitCodes.unreachable,
    message: "Postgres cannot serve now: its disk is full: free space there (SQLSTATE 53100). Then try again",
  });
  expect((await explain(answered("57P01"))).message).toContain("it is being shut down (SQLSTATE 57P01)");
  expect((await explain(answered("55P03"))).exitCode).toBe(exitCodes.unreachable);
});
