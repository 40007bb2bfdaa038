import { hash, timingSafeEqual } from "node:crypto";
import { CREDENTIAL, type CREDENTIAL_KINDS } from "../../credential-form.ts";
import type { Ids } from "../../stores/clock.ts";

/**
 * Credentials that we issue: `cairn_<kind>_<workspace id>_<64 hex digits>`. Scanners know them by `cairn_(key|run)_w[0-9a-f]{16}_[0-9a-f]{64}`.
 * Only their SHA-256 is stored; 256 random bits need no slower one.
 */
type CredentialKind = (typeof CREDENTIAL_KINDS)[number];

interface IssuedCredential {
  /** Shown once. */
  readonly secret: string;
  readonly hash: string;
  /** Names it in the store and to people: the beginning of the hash. */
  readonly id: string;
}

export interface ReadCredential extends IssuedCredential {
  readonly kind: CredentialKind;
  readonly workspaceId: string;
}

const WHOLE = new RegExp(`^${CREDENTIAL}[0-9a-f]{64}$`);
const ID_LENGTH = 16;

export function issueCredential(ids: Ids, kind: CredentialKind, workspaceId: string): IssuedCredential {
  return describe(`cairn_${kind}_${workspaceId}_${ids.hex(32)}`);
}

/** Undefined for what we can never have issued. */
export function readCredential(text: string): ReadCredential | undefined {
  const [, kind, workspaceId] = WHOLE.exec(text) ?? [];
  if (!kind || !workspaceId) return undefined;
  return { ...describe(text), kind: kind as CredentialKind, workspaceId };
}

/** Whether two hashes are the same, in a time that does not tell how much of them is. */
export function sameHash(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function describe(secret: string): IssuedCredential {
  const digest = hash("sha256", secret);
  return { secret, hash: digest, id: digest.slice(0, ID_LENGTH) };
}
