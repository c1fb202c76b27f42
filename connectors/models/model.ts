import type { Http } from "../http.ts";
import type { Refusal, Vendor } from "../source.ts";

/** What is asked: our instructions, a text of data, and the shape of the answer. */
export interface ModelQuestion {
  /** As the vendor calls it: a setting, since names are retired. */
  model: string;
  system: string;
  data: string;
  /** JSON Schema, within what both vendors know: no lengths, no bounds, every object closed. */
  schema: object;
  maxTokens: number;
}

export interface Tokens {
  input: number;
  output: number;
}

/** Only a whole answer has a text: half of one must not be read as all of it. */
export type ModelReply =
  | { state: "answered"; text: string; tokens: Tokens }
  | { state: "truncated"; tokens: Tokens }
  | { state: "refused"; reason: string; tokens: Tokens };

/** A vendor of models. Without a key it is not there, and the sandbox does not replace it. */
export interface ModelVendor extends Vendor {
  title: string;
  optional: true;
  classify: (status: number, body: unknown) => Refusal;
  ask: (http: Http, secrets: Readonly<Record<string, string>>, question: ModelQuestion) => Promise<ModelReply>;
}

export const defineModel = (vendor: ModelVendor): ModelVendor => vendor;
