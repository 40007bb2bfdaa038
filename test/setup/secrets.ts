import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const KEY = `${"Pl4nt3dK3y+/".repeat(7)}aA==`;
const HEX = "5ec2e7c0ffee0123".repeat(4);

/** Credentials of every form, sent along with whatever the suites send. They must never be seen again. */
export const PLANTED = {
  apiKey: `cairn_key_w0123456789abcdef_${HEX}`,
  runToken: `cairn_run_w0123456789abcdef_${HEX}`,
  jwt: "eyJhbGciOiJSUzI1NiIsImtpZCI6InBsYW50ZWQifQ.eyJzdWIiOiJwbGFudGVkLXNlY3JldCJ9.cGxhbnRlZC1zaWduYXR1cmU",
  password: "pl4nted-passw0rd-of-nobody",
  storageKey: KEY,
  connectionString: `DefaultEndpointsProtocol=https;AccountName=planted;AccountKey=${KEY};EndpointSuffix=core.windows.net`,
  sas: "https://planted.blob.core.windows.net/c/b?sv=2026-02-06&sr=b&sp=r&sig=pl4ntedS1gnature%2Fabcdef%3D",
  vendorKey: "sk-pl4nted0123456789abcdefghijklmnop",
} as const;

/** What gives each of them away; the connection string does by its key. */
const TRACES: readonly Buffer[] = [
  HEX,
  "cGxhbnRlZC1zaWduYXR1cmU",
  PLANTED.password,
  KEY,
  "pl4ntedS1gnature",
  "pl4nted0123456789",
].flatMap((trace) => [Buffer.from(trace), Buffer.from(Buffer.from(trace).toString("base64").slice(0, -4))]);

/** The headers, besides Authorization, in which clients, proxies and platforms carry credentials. */
export const PLANTED_HEADERS = {
  cookie: `session=${PLANTED.jwt}`,
  "x-api-key": PLANTED.vendorKey,
  "x-functions-key": PLANTED.storageKey,
  "x-ms-client-principal": Buffer.from(PLANTED.password).toString("base64"),
  "x-ms-token-aad-access-token": PLANTED.jwt,
} as const;

/** The planted secret that the bytes hold, or its beginning. */
export function plantedIn(bytes: Uint8Array | string): string | undefined {
  const all = Buffer.from(bytes);
  return TRACES.find((trace) => all.includes(trace))?.toString();
}

/** @throws Error when a planted secret is there */
export function requireNoSecret(where: string, bytes: Uint8Array | string): void {
  const found = plantedIn(bytes);
  if (found !== undefined) throw new Error(`A planted secret (${found.slice(0, 12)}…) is in ${where}.`);
}

/** No request of JSON is as large, so no secret of one is in anything larger. */
const MAX_SEARCHED_BYTES = 32 * 1024 * 1024;

/** Keys and tokens that the app itself has given out, not those that tests make up; it keeps their hashes only. */
const ISSUED = /cairn_(?:key|run)_w(?!0123456789abcdef)[0-9a-f]{16}_[0-9a-f]{64}/;

/** Searches every file of a data folder: database, its log, blobs. @throws Error when a secret is there */
export function requireNoSecretBelow(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const file = join(folder, name);
    const stat = statSync(file);
    if (!stat.isFile() || stat.size > MAX_SEARCHED_BYTES) continue;
    const bytes = readFileSync(file);
    if (ISSUED.test(bytes.toString("latin1"))) throw new Error(`A key or token is in the data folder, in ${name}.`);
    requireNoSecret(`the data folder, in ${name}`, bytes);
  }
}
