import { access, chmod, mkdir, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePorts, killNow, logTail, spawnServer } from "../scripts/embedded/process.ts";
import { unprivilegedUser } from "../scripts/embedded/unprivileged.ts";

export interface Pooler {
  /** Where Postgres is reached through it. */
  url: string;
  /** Kills it, and starts it again on the same port. */
  restart: () => Promise<void>;
  stop: () => Promise<void>;
  /** The last lines that it wrote. */
  log: () => Promise<string>;
}

/** Where PgBouncer is on this machine; null where it is not installed. */
export async function findPgBouncer(): Promise<string | null> {
  const folders = [...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/sbin", "/usr/local/sbin"];
  for (const folder of folders) {
    const command = path.join(folder, "pgbouncer");
    if (
      await access(command).then(
        () => true,
        () => false,
      )
    )
      return command;
  }
  return null;
}

/** PgBouncer in transaction mode before a Postgres, with so many connections to it at most. */
export async function startPooler(
  command: string,
  { folder, url, connections }: { folder: string; url: string; connections: number },
): Promise<Pooler> {
  const [port = 0] = await freePorts(1);
  const server = new URL(url);
  const own = path.join(folder, "pgbouncer");
  await mkdir(own);
  await chmod(own, 0o777);
  const [settings, logFile] = [path.join(own, "pgbouncer.ini"), path.join(folder, "pgbouncer.log")];
  await writeFile(
    settings,
    `[databases]
${server.pathname.slice(1)} = host=${server.hostname} port=${server.port} user=${server.username} password=${decodeURIComponent(server.password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 500
default_pool_size = ${connections}
`,
  );
  await chmod(settings, 0o644);
  const runAs = unprivilegedUser();
  const start = async () => {
    const spawned = await spawnServer({
      command,
      args: [settings],
      logFile,
      ...(runAs === undefined ? {} : { runAs }),
    });
    for (const deadline = Date.now() + 20_000; !(await listens(port)); await wait(50))
      if (Date.now() > deadline) throw new Error(`PgBouncer does not listen:\n${await logTail(logFile)}`);
    return spawned;
  };
  let running = await start();
  const pooled = new URL(url);
  pooled.port = String(port);
  return {
    url: pooled.href,
    restart: async () => {
      await killNow(running.pid);
      running = await start();
    },
    stop: () => killNow(running.pid),
    log: () => logTail(logFile, 200),
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
