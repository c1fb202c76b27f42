import { jsonProblem } from "../../core/json-text.ts";
import { ApiError } from "./errors.ts";
import type { Api } from "./parts.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads JSON bodies: what is no UTF-8, nested without end or says a thing twice is the caller's mistake, found before it is parsed. */
export function readJsonBodies(api: Api): void {
  const parse = api.getDefaultJsonParser("error", "error");
  api.removeContentTypeParser("application/json");
  api.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    const text = textOf(body as Buffer);
    if (text instanceof ApiError) return done(text);
    void parse(request, text, done);
  });
}

function textOf(body: Buffer): string | ApiError {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    return wrong("is not UTF-8");
  }
  const problem = jsonProblem(text);
  return problem === null ? text : wrong(problem);
}

const wrong = (problem: string) => new ApiError("validation_error", "body is not valid", { body: problem });
