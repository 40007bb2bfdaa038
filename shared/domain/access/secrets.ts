import { hash, timingSafeEqual } from "node:crypto";
import type { Ids } from "../../stores/clock.ts";

/**
 * Credentials that we issue: `cairn_<kind>_<workspace id>_<64 hex digits>`. Scanners know them by `cairn_(key|run)_w[0-9a-f]{16}_[0-9a-f]{64}`.
 * Only their SHA-256 is stored; 256 random bits need no slower one.
 */
type SecretKind = "key" | "run";

interface IssuedSecret {
  /** Shown once. */
  readonly secret: string;
  readonly hash: string;
  /** Names it in the store and to people: the beginning of the hash. */
  readonly id: string;
}

export interface ReadSecret extends IssuedSecret {
  readonly kind: SecretKind;
  readonly workspaceId: string;
}

const SECRET = /^cairn_(key|run)_(w[0-9a-f]{16})_[0-9a-f]{64}$/;
const ID_LENGTH = 16;

export function issueSecret(ids: Ids, kind: SecretKind, workspaceId: string): IssuedSecret {
  return describe(`cairn_${kind}_${workspaceId}_${ids.hex(32)}`);
}

/** Undefined for what we can never have issued. */
export function readSecret(text: string): ReadSecret | undefined {
  const [, kind, workspaceId] = SECRET.exec(text) ?? [];
  if (!kind || !workspaceId) return undefined;
  return { ...describe(text), kind: kind as SecretKind, workspaceId };
}

/** Whether two hashes are the same, in a time that does not tell how much of them is. */
export function sameHash(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function describe(secret: string): IssuedSecret {
  const digest = hash("sha256", secret);
  return { secret, hash: digest, id: digest.slice(0, ID_LENGTH) };
}
