import type { FastifyReply, FastifyRequest } from "fastify";

export interface SentPicture {
  content: Buffer;
  /** What its own bytes say that it is: one of a fixed few. */
  type: string;
  hash: string;
}

/** A browser asks again after so long, so that what was deleted is not shown for hours. */
const freshSeconds = 300;

/**
 * A picture that came from a stranger: it is what its bytes say, not what a browser guesses; opened by itself it is saved
 * instead of shown, and nothing in it can run or load anything.
 */
export function sendPicture(
  { headers }: Pick<FastifyRequest, "headers">,
  reply: FastifyReply,
  { content, type, hash }: SentPicture,
): FastifyReply {
  const tag = `"${hash}"`;
  reply.headers({
    etag: tag,
    "cache-control": `private, max-age=${freshSeconds}`,
    "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "content-disposition": `attachment; filename="thumbnail.${type.replace(/^image\//, "")}"`,
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
  });
  if (headers["if-none-match"] === tag) return reply.code(304).send();
  return reply.type(type).send(content);
}
