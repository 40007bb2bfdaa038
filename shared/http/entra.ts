import { hash } from "node:crypto";
import type { JWTPayload } from "jose";
import { LRUCache } from "lru-cache";
import type { EntraSettings } from "../config.ts";
import { WorkspaceError } from "../domain/errors.ts";
import type { Clock } from "../stores/clock.ts";
import { IssuerKeys, KeysUnavailable, UNKNOWN_COOLDOWN_MS } from "./issuer-keys.ts";

type Jose = typeof import("jose");

/** A token that was found right. */
interface Trusted {
  readonly objectId: string;
  /** By the time of day, as the issuer has it. */
  readonly expiresMs: number;
  /** By `Clock.elapsed`. */
  readonly verifiedAtMs: number;
}

const ALGORITHMS = ["RS256"];
const CLOCK_TOLERANCE_SECONDS = 60;
/** How long a token that was found right is not verified again. */
const TRUSTED_MS = 300_000;
const MAX_TRUSTED = 5_000;
const OBJECT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Three parts of base64url: what may be a signed token. */
export function isSignedToken(credential: string): boolean {
  return /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(credential);
}

/**
 * Verifies access tokens of one tenant. Issuer, tenant, audience and algorithm are pinned, and keys come from one address alone, whatever a
 * token says of them. The library is loaded with the first token.
 */
export class EntraVerifier {
  private readonly settings: EntraSettings;
  private readonly clock: Clock;
  private readonly keys: IssuerKeys;
  private readonly trusted = new LRUCache<string, Trusted>({ max: MAX_TRUSTED });
  private loading: Promise<Jose> | undefined;

  constructor(settings: EntraSettings, clock: Clock, unknownCooldownMs = UNKNOWN_COOLDOWN_MS) {
    this.settings = settings;
    this.clock = clock;
    const address = `${settings.authority}/${settings.tenant}/discovery/v2.0/keys`;
    this.keys = new IssuerKeys(address, clock, unknownCooldownMs);
  }

  /**
   * The object id that a token was issued to; undefined for a token that is not right in any way.
   * @throws Unavailable when the issuer's keys cannot be had
   */
  async verify(token: string): Promise<string | undefined> {
    const key = hash("sha256", token);
    const known = this.trusted.get(key);
    if (known && this.isFresh(known)) return known.objectId;
    const verified = await this.verifyAnew(token);
    if (verified) this.trusted.set(key, verified);
    return verified?.objectId;
  }

  private isFresh({ expiresMs, verifiedAtMs }: Trusted): boolean {
    return this.clock.now() < expiresMs && this.clock.elapsed() - verifiedAtMs < TRUSTED_MS;
  }

  private async verifyAnew(token: string): Promise<Trusted | undefined> {
    this.loading ??= import("jose");
    const jose = await this.loading;
    const verifiedAtMs = this.clock.elapsed();
    try {
      const { payload } = await jose.jwtVerify(token, this.keys.finder(jose), {
        algorithms: ALGORITHMS,
        issuer: this.issuers(),
        audience: [...this.settings.audiences],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(this.clock.now()),
        requiredClaims: ["exp", "tid", "oid"],
      });
      const { tid, oid, exp } = payload;
      if (tid !== this.settings.tenant || typeof oid !== "string" || !OBJECT_ID.test(oid)) return undefined;
      if (!isForAccess(payload, this.settings)) return undefined;
      return { objectId: oid.toLowerCase(), expiresMs: exp! * 1000, verifiedAtMs };
    } catch (cause) {
      if (cause instanceof jose.errors.JOSEError) return undefined;
      if (!(cause instanceof KeysUnavailable)) throw cause;
      const message = "The keys of Microsoft Entra ID cannot be had. Try again a little later.";
      throw new WorkspaceError("Unavailable", message, { cause });
    }
  }

  /** Of tokens of version 2 and of version 1: which one an app gets is a matter of its registration. */
  private issuers(): string[] {
    const { authority, tenant } = this.settings;
    return [`${authority}/${tenant}/v2.0`, `https://sts.windows.net/${tenant}/`];
  }
}

/**
 * Whether the tenant gave somebody access to the app, and not only a proof of who they are: an ID token has no client that it was given to, and
 * anything in the tenant may ask for a token without scopes and roles.
 */
function isForAccess({ scp, roles, azp, appid, nonce }: JWTPayload, settings: EntraSettings): boolean {
  const isIdToken = nonce !== undefined || (azp ?? appid) === undefined;
  if (isIdToken) return false;
  return scp === undefined ? hasOneOf(roles, settings.roles) : hasOneOf(String(scp).split(" "), settings.scopes);
}

function hasOneOf(granted: unknown, wanted: readonly string[] | undefined): boolean {
  const names = Array.isArray(granted) ? granted.filter((name) => name !== "") : [];
  return wanted ? wanted.some((name) => names.includes(name)) : names.length > 0;
}
