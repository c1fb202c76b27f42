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
  /** What sending cost. */
  processorSeconds: number;
}

function run(plan: LoadPlan): Promise<LoadResult> {
  // Made once: it has to share the processor with what it measures.
  const requests = plan.bodies.map((body) =>
    Buffer.from(
      `POST ${plan.path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
  const took: number[] = [];
  const statuses: Record<string, number> = {};
  const usedBefore = process.cpuUsage();
  const measureFrom = performance.now() + plan.warmUpMs;
  const end = measureFrom + plan.measureMs;
  let turn = 0;
  const lane = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(plan.port, "127.0.0.1");
      socket.setNoDelay(true);
      let sentAt = 0;
      let received: Buffer = Buffer.alloc(0);
      const send = () => {
        sentAt = performance.now();
        if (sentAt >= end) return void socket.end(resolve);
        socket.write(requests[turn++ % requests.length] as Buffer);
      };
      socket.once("connect", send).once("error", reject);
      socket.on("data", (bytes) => {
        received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
        if (!isWhole(received)) return;
        const now = performance.now();
        const status = received.toString("latin1", 9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (sentAt >= measureFrom) took.push(now - sentAt);
        received = Buffer.alloc(0);
        send();
      });
    });
  return Promise.all(Array.from({ length: plan.connections }, lane)).then(() => {
    const used = process.cpuUsage(usedBefore);
    took.sort((one, other) => one - other);
    const at = (share: number) => took[Math.floor(share * took.length)] ?? 0;
    return {
      requests: took.length,
      perSecond: Math.round((took.length * 1_000) / plan.measureMs),
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      statuses,
      processorSeconds: (used.user + used.system) / 1_000_000,
    };
  });
}

/** An answer of 204 ends with its headers, and most are. */
function isWhole(answer: Buffer): boolean {
  const headers = answer.indexOf("\r\n\r\n");
  if (headers === -1) return false;
  if (answer.toString("latin1", 9, 12) === "204") return true;
  const length = Number(/content-length: (\d+)/i.exec(answer.toString("latin1", 0, headers))?.[1] ?? 0);
  return answer.length >= headers + 4 + length;
}

if (process.argv[2] !== undefined)
  console.log(JSON.stringify(await run(JSON.parse(readFileSync(process.argv[2], "utf8")) as LoadPlan)));
