// Posts over a number of connections for a while, one request under way on each, and prints what was answered and how fast.
// A process of its own, so that its work is not the server's: node dist/bench/promo-load.js plan.json
import { readFileSync } from "node:fs";
import { connect } from "node:net";

export interface LoadPlan {
  port: number;
  path: string;
  connections: number;
  warmUpMs: number;
  measureMs: number;
  /** Bodies that are sent one after the other, again and again. */
  bodies: string[];
}

export interface LoadResult {
  requests: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** By status, over the whole time. */
  statuses: Record<string, number>;
}

function run(plan: LoadPlan): Promise<LoadResult> {
  const requests = plan.bodies.map(
    (body) =>
      `POST ${plan.path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const took: number[] = [];
  const statuses: Record<string, number> = {};
  const measureFrom = performance.now() + plan.warmUpMs;
  const end = measureFrom + plan.measureMs;
  let turn = 0;
  const lane = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(plan.port, "127.0.0.1");
      socket.setNoDelay(true);
      let sentAt = 0;
      let text = "";
      const send = () => {
        sentAt = performance.now();
        if (sentAt >= end) return void socket.end(resolve);
        socket.write(requests[turn++ % requests.length] ?? "");
      };
      socket.once("connect", send).once("error", reject);
      socket.on("data", (bytes) => {
        text += bytes.toString("latin1");
        const headers = text.indexOf("\r\n\r\n");
        if (headers === -1) return;
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
        if (text.length < headers + 4 + length) return;
        const now = performance.now();
        const status = text.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (sentAt >= measureFrom) took.push(now - sentAt);
        text = "";
        send();
      });
    });
  return Promise.all(Array.from({ length: plan.connections }, lane)).then(() => {
    took.sort((one, other) => one - other);
    const at = (share: number) => took[Math.floor(share * took.length)] ?? 0;
    return {
      requests: took.length,
      perSecond: Math.round((took.length * 1_000) / plan.measureMs),
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      statuses,
    };
  });
}

if (process.argv[2] !== undefined)
  console.log(JSON.stringify(await run(JSON.parse(readFileSync(process.argv[2], "utf8")) as LoadPlan)));
