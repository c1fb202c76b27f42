import {
  access,
  appendFile,
  chmod,
  chown,
  copyFile,
  lstat,
  mkdir,
  readdir,
  rename,
  stat,
  writeFile,
} from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";

export interface Backups {
  /** Once Postgres has been restarted, each piece of its log is copied away. */
  beginArchiving: () => Promise<void>;
  /** Copies the data folder while Postgres works, as pg_basebackup does. */
  takeBase: () => Promise<void>;
  /** What Postgres takes for the present. */
  now: () => Promise<string>;
  /** Finishes the present piece of the log, and waits until it lies in the archive. */
  closeLog: () => Promise<void>;
  /** Puts the copy in the place of the data, to be rolled forward to a moment; Postgres has to be down. */
  putBack: (moment: string) => Promise<void>;
  /** Waits until Postgres has rolled forward and takes writes. */
  untilOpen: () => Promise<void>;
}

/** A base backup and the archive of the log, of a Postgres that brings no pg_basebackup. */
export function backupsOf(of: { folder: string; superuserUrl: string }): Backups {
  const { folder, superuserUrl } = of;
  const cluster = path.join(folder, "postgres/cluster");
  const [base, archive] = [path.join(folder, "base"), path.join(folder, "archive")];
  const ask = async <Row extends pg.QueryResultRow>(statement: string): Promise<Row | undefined> =>
    withClient(superuserUrl, async (client) => (await client.query<Row>(statement)).rows[0]);
  return {
    beginArchiving: async () => {
      await mkdir(archive);
      const { uid, gid } = await stat(cluster);
      await chown(archive, uid, gid);
      await ask("alter system set archive_mode = 'on'");
      await ask(`alter system set archive_command = 'test ! -f ${archive}/%f && cp %p ${archive}/%f'`);
    },
    takeBase: () =>
      withClient(superuserUrl, async (client) => {
        await client.query("select pg_backup_start('drill', fast => true)");
        await copyFolder(cluster, base, (name) => !/^pg_(wal|replslot|notify|stat_tmp)\/.|^postmaster\./.test(name));
        const { rows } = await client.query<{ labelfile: string }>("select labelfile from pg_backup_stop()");
        await writeFile(path.join(base, "backup_label"), rows[0]?.labelfile ?? "");
        await takeOver(cluster, path.join(base, "backup_label"));
      }),
    now: async () => (await ask<{ now: string }>("select clock_timestamp()::text as now"))?.now ?? "",
    closeLog: async () => {
      const closed = await ask<{ name: string }>("select pg_walfile_name(pg_switch_wal()) as name");
      for (
        const deadline = Date.now() + 60_000;
        !(await exists(path.join(archive, closed?.name ?? "")));
        await wait(100)
      )
        if (Date.now() > deadline) throw new Error(`${closed?.name} is not in the archive`);
    },
    putBack: async (moment) => {
      await rename(cluster, `${cluster}.broken`);
      await rename(base, cluster);
      const conf = path.join(cluster, "postgresql.auto.conf");
      await appendFile(
        conf,
        `restore_command = 'cp ${archive}/%f %p'\nrecovery_target_time = '${moment}'\nrecovery_target_action = 'promote'\n`,
      );
      await writeFile(path.join(cluster, "recovery.signal"), "");
      await takeOver(`${cluster}.broken`, path.join(cluster, "recovery.signal"));
    },
    untilOpen: async () => {
      for (const deadline = Date.now() + 120_000; ; await wait(100)) {
        if ((await ask<{ recovering: boolean }>("select pg_is_in_recovery() as recovering"))?.recovering === false)
          return;
        if (Date.now() > deadline) throw new Error("Postgres has not rolled forward");
      }
    },
  };
}

async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url, ssl: false });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** What vanishes meanwhile is in the log. */
async function copyFolder(from: string, to: string, wanted: (name: string) => boolean, within = ""): Promise<void> {
  await mkdir(path.join(to, within), { mode: 0o700 });
  await takeOver(path.join(from, within), path.join(to, within));
  for (const entry of await readdir(path.join(from, within), { withFileTypes: true })) {
    const name = path.join(within, entry.name);
    if (!wanted(name)) continue;
    if (entry.isDirectory()) await copyFolder(from, to, wanted, name);
    else
      await copyFile(path.join(from, name), path.join(to, name))
        .then(() => takeOver(path.join(from, name), path.join(to, name)))
        .catch((error: NodeJS.ErrnoException) => {
          if (error.code !== "ENOENT") throw error;
        });
  }
}

/** Postgres insists that its files are its user's. */
async function takeOver(from: string, to: string): Promise<void> {
  const { uid, gid, mode } = await lstat(from);
  await chown(to, uid, gid);
  await chmod(to, (await lstat(to)).isDirectory() ? mode : 0o600);
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
