import { Socket } from "node:net";
import type { FastifyRequest } from "fastify";
import type { Api } from "./parts.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** How long the body of this route may take to arrive, where that is not as for all. */
    bodyTimeoutMs?: number;
  }
}

/** What an answer may take to reach a caller who is still sending. */
const lingerMs = 2_000;

/** Node has one limit for all requests; an upload may take its time where a JSON body may not. */
export function cutOffSlowBodies(
  api: Api,
  timeoutMs: number,
  answer: (error: Error & { code: string }, socket: Socket) => void,
): void {
  api.addHook("onRequest", (request, _reply, done) => {
    const { raw } = request;
    const { socket } = raw;
    // One that a test injects is here whole, and comes over no line.
    if (!(socket instanceof Socket)) return done();
    const limitMs = request.routeOptions.config.bodyTimeoutMs ?? timeoutMs;
    const timer = setTimeout(() => {
      // A request without a body is complete without anybody having read its end.
      if (raw.complete) return;
      const tooSlow = new Error(`the body was not here within ${limitMs} ms`);
      answer(Object.assign(tooSlow, { code: "ERR_HTTP_REQUEST_TIMEOUT" }), socket);
    }, limitMs).unref();
    const clear = () => {
      clearTimeout(timer);
      socket.off("close", clear);
    };
    raw.once("end", clear);
    socket.once("close", clear);
    done();
  });
}

/**
 * For a request that is answered before its body is here: what still comes is thrown away for a moment, so that the
 * caller gets to read the answer, and then the line is cut.
 */
export function stopReading({ raw }: Pick<FastifyRequest, "raw">): void {
  if (raw.complete) return;
  // A page passes on what it is sent, and cuts its own line.
  if (!(raw.socket instanceof Socket)) return void raw.resume();
  const timer = setTimeout(() => raw.socket.destroy(), lingerMs);
  raw.once("end", () => clearTimeout(timer));
  raw.socket.once("close", () => clearTimeout(timer));
  raw.resume();
}
