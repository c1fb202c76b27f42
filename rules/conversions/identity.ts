import { isIP } from "node:net";
import { openSealed, seal, sha256, type KeyRing } from "../../core/crypto.ts";

/** What a conversion may say about a person, as received. It lives as long as the function that reads it. */
export interface Person {
  email?: string | null | undefined;
  phone?: string | null | undefined;
  gender?: string | null | undefined;
  birthDate?: string | null | undefined;
  firstName?: string | null | undefined;
  lastName?: string | null | undefined;
  city?: string | null | undefined;
  state?: string | null | undefined;
  zip?: string | null | undefined;
  country?: string | null | undefined;
  externalId?: string | null | undefined;
  ipAddress?: string | null | undefined;
  userAgent?: string | null | undefined;
  fbc?: string | null | undefined;
  fbp?: string | null | undefined;
}

/** The same in Meta's words: hashes, and the four values Meta wants as they are. */
export interface Identity {
  em?: string[];
  ph?: string[];
  ge?: string[];
  db?: string[];
  fn?: string[];
  ln?: string[];
  ct?: string[];
  st?: string[];
  zp?: string[];
  country?: string[];
  external_id?: string[];
  client_ip_address?: string;
  client_user_agent?: string;
  fbc?: string;
  fbp?: string;
}

const alreadyHashed = /^[0-9a-f]{64}$/;

/** What is hashed has to be written as Meta writes it, or the hashes never meet; null when it is no such value. */
export const normalized = {
  em: (text: string) => (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text) ? text : null),
  // With its country code, without + and leading zeros.
  ph: (text: string) => {
    const digits = /^[+\d\s().\-/a-z]+$/.test(text) ? text.replaceAll(/\D/g, "").replace(/^0+/, "") : "";
    return digits.length >= 7 && digits.length <= 16 ? digits : null;
  },
  ge: (text: string) => ({ f: "f", female: "f", m: "m", male: "m" })[text] ?? null,
  db: (text: string) => {
    const [, year, month, day] = /^(\d{4})-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])$/.exec(text) ?? [];
    return year === undefined ? null : `${year}${month}${day}`;
  },
  fn: (text: string) => text,
  ln: (text: string) => text,
  ct: (text: string) => text.replaceAll(/[\d\s().-]/g, ""),
  st: (text: string) => text.replaceAll(/[\d\s().-]/g, ""),
  zp: (text: string) => text.replaceAll(/\s/g, "").split("-")[0] ?? null,
  country: (text: string) => (/^[a-z]{2}$/.test(text) ? text : null),
  external_id: (text: string) => text,
} satisfies Record<string, (text: string) => string | null>;

export type HashedField = keyof typeof normalized;

/** The SHA-256 Meta expects of a value; one that is a hash already passes; null when there is nothing to hash. */
export function hashForMeta(field: HashedField, value: string | null | undefined): string | null {
  const text = value?.trim().toLowerCase() ?? "";
  if (alreadyHashed.test(text)) return text;
  const plain = text === "" ? null : normalized[field](text);
  return plain === null || plain === "" ? null : sha256(plain);
}

/** What is sent to Meta about a person. Empty values are left out: the hash of nothing would match everybody without one. */
export function identityOf(person: Person): Identity {
  const hashes: [HashedField, string | null | undefined][] = [
    ["em", person.email],
    ["ph", person.phone],
    ["ge", person.gender],
    ["db", person.birthDate],
    ["fn", person.firstName],
    ["ln", person.lastName],
    ["ct", person.city],
    ["st", person.state],
    ["zp", person.zip],
    ["country", person.country],
    ["external_id", person.externalId],
  ];
  const identity: Identity = {};
  for (const [field, value] of hashes) {
    const hash = hashForMeta(field, value);
    if (hash !== null) identity[field] = [hash];
  }
  // A hash of these four would be worthless to Meta; one in another form would cost the whole event.
  const plain = {
    client_ip_address: person.ipAddress,
    client_user_agent: person.userAgent,
    fbc: person.fbc,
    fbp: person.fbp,
  };
  for (const [field, value] of Object.entries(plain)) {
    const text = value?.trim() ?? "";
    if (text !== "" && wellFormed[field as keyof typeof plain](text)) identity[field as keyof typeof plain] = text;
  }
  return identity;
}

const wellFormed = {
  client_ip_address: (text: string) => isIP(text) !== 0,
  client_user_agent: () => true,
  fbc: (text: string) => /^fb\.\d\.\d{13}\.\S+$/.test(text),
  fbp: (text: string) => /^fb\.\d\.\d{13}\.\d+$/.test(text),
};

/** Whose it is goes into the seal: bytes moved to another row do not open. */
export interface IdentityOwner {
  client: string;
  conversionKey: string;
}

export function sealIdentity(key: KeyRing, owner: IdentityOwner, identity: Identity): Buffer {
  return seal(key, Buffer.from(JSON.stringify(identity)), identityContext(owner));
}

/** Null when it was sealed under another key or for another conversion. */
export function openIdentity(key: KeyRing, owner: IdentityOwner, sealed: Uint8Array): Identity | null {
  try {
    return JSON.parse(openSealed(key, sealed, identityContext(owner)).toString("utf8")) as Identity;
  } catch {
    return null;
  }
}

/** What a sealed identity is bound to. */
export const identityContext = ({ client, conversionKey }: IdentityOwner) =>
  JSON.stringify(["delivery_identity", client, conversionKey]);
