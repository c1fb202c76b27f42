import { Writable } from "node:stream";
import { pino, type Logger } from "pino";
import type { Redact } from "./redact.ts";

export type { Logger };

/** JSON lines. Every line is redacted as the text it is about to become: no field can slip through. */
export function createLogger(options: {
  name: string;
  level: string;
  redact: Redact;
  write?: (line: string) => void;
}): Logger {
  const write = options.write ?? ((line: string) => void process.stdout.write(line));
  const stream = new Writable({
    decodeStrings: false,
    write(line: string | Buffer, _encoding, done) {
      write(options.redact(line.toString()));
      done();
    },
  });
  return pino(
    {
      name: options.name,
      level: options.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      base: { name: options.name, pid: process.pid },
    },
    stream,
  );
}
