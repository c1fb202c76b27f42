import { openDatabase } from "../../schema/database.ts";

const login = "signal_room_local_reader";

/** A login of this machine's own that reads and changes nothing: what the panel offers to look around with. */
export async function readerLogin(of: { superuserUrl: string; url: string; password: string }): Promise<string> {
  const database = openDatabase({ url: of.superuserUrl, poolSize: 1, name: "signal-room start" });
  try {
    const { rowCount } = await database.query("select from pg_roles where rolname = $1", [login]);
    const { rows } = await database.query<{ statement: string }>(
      "select format('%s role %I login password %L', $1::text, $2::text, $3::text) as statement",
      [rowCount === 0 ? "create" : "alter", login, of.password],
    );
    await database.query(rows[0]?.statement ?? "");
    await database.query(`grant signal_room_reader to ${login}`);
  } finally {
    await database.end();
  }
  const url = new URL(of.url);
  url.username = login;
  url.password = of.password;
  return url.href;
}
