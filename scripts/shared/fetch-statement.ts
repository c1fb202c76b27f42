import { CommandError, exitCodes } from "./command-line.ts";

const timeoutMs = 30_000;

/** A text from a server of Signal Room, with what shows who asks. */
export async function fetchStatement(
  address: string,
  { key, token }: { key?: string | undefined; token?: string | undefined },
): Promise<string> {
  const headers = {
    ...(key === undefined ? {} : { "x-api-key": key }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(address, { headers, signal: AbortSignal.timeout(timeoutMs) }).catch((error: unknown) => {
    throw new CommandError(
      exitCodes.unreachable,
      `${new URL(address).host} does not answer: ${(error as Error).message}`,
    );
  });
  if (!answer.ok)
    throw new CommandError(
      exitCodes.usage,
      answer.status === 401 || answer.status === 403
        ? `${new URL(address).host} wants to know who asks: give --key or --token`
        : `${new URL(address).host} answers ${answer.status}`,
    );
  return answer.text();
}
