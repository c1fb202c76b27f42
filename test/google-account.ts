import { generateKeyPairSync } from "node:crypto";

/** For tests: a service account with a key of its own, and what the mock server has to be told of it. */
export function googleAccount(client = "713") {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const email = `reader-${client}@signal-room.iam.gserviceaccount.com`;
  return {
    key: JSON.stringify({
      type: "service_account",
      client_email: email,
      private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
      token_uri: "https://oauth2.googleapis.com/token",
    }),
    known: { email, client, publicKey: publicKey.export({ type: "spki", format: "pem" }) },
  };
}
