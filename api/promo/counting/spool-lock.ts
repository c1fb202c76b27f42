import { mkdir, unlink } from "node:fs/promises";
import { createServer, connect, type Server } from "node:net";
import path from "node:path";

/** What the system takes for the path of a socket. */
const longestSocketPath = 100;

/**
 * A process's claim on its spool files: a socket that it listens on. The system closes it when the process ends, however
 * it ends, and nobody has to guess from the age of a file whether its owner still lives.
 */
export async function lockSpool(folder: string, id: string): Promise<Server> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath(folder, id), resolve);
  });
  server.unref();
  return server;
}

export function lives(folder: string, id: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath(folder, id));
    const answer = (isAlive: boolean) => {
      socket.destroy();
      resolve(isAlive);
    };
    socket.once("connect", () => answer(true));
    // Whatever is not a clear no is a yes: to take a living process's file would lose what it writes next.
    socket.once("error", (error: NodeJS.ErrnoException) =>
      answer(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"),
    );
  });
}

export async function forgetLock(folder: string, id: string): Promise<void> {
  await unlink(path.join(folder, `${id}.lock`)).catch(() => undefined);
}

function socketPath(folder: string, id: string): string {
  const absolute = path.join(folder, `${id}.lock`);
  const relative = path.relative(process.cwd(), absolute);
  const [shorter] = [relative, absolute].sort((one, other) => one.length - other.length) as [string, string];
  if (shorter.length > longestSocketPath)
    throw new Error(`PROMO_SPOOL_DIR is too long a path: its locks have at most ${longestSocketPath} characters`);
  return shorter;
}
