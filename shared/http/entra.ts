import { hash } from "node:crypto";
import type { JWTVerifyGetKey } from "jose";
import { LRUCache } from "lru-cache";
import { WorkspaceError } from "../domain/errors.ts";
import type { Clock } from "../stores/clock.ts";

/** Whose tokens of Microsoft Entra ID are taken. */
export interface EntraSettings {
  /** `https://login.microsoftonline.com`, or that of a national cloud. */
  readonly authority: string;
  /** The id of the tenant; users of others have no way in. */
  readonly tenant: string;
  /** Whom a token must be made out to: the app registration, by its client id or its URI. */
  readonly audiences: readonly string[];
}

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
const KEYS_TIMEOUT_MS = 5_000;
const KEYS_MAX_AGE_MS = 600_000;
/** Between two looks for a key that is not known, whether the one before found keys or failed. */
const KEYS_COOLDOWN_MS = 30_000;
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
  private readonly cooldownMs: number;
  private readonly trusted = new LRUCache<string, Trusted>({ max: MAX_TRUSTED });
  private loading: Promise<{ jose: Jose; keys: JWTVerifyGetKey }> | undefined;
  private failedMs = Number.NEGATIVE_INFINITY;

  constructor(settings: EntraSettings, clock: Clock, cooldownMs = KEYS_COOLDOWN_MS) {
    this.settings = settings;
    this.clock = clock;
    this.cooldownMs = cooldownMs;
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
    this.loading ??= this.load();
    const { jose, keys } = await this.loading;
    const { tenant, audiences } = this.settings;
    const verifiedAtMs = this.clock.elapsed();
    try {
      const { payload } = await jose.jwtVerify(token, keys, {
        algorithms: ALGORITHMS,
        issuer: this.issuers(),
        audience: [...audiences],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(this.clock.now()),
        requiredClaims: ["exp", "tid", "oid"],
      });
      const { tid, oid, exp } = payload;
      if (tid !== tenant || typeof oid !== "string" || !OBJECT_ID.test(oid)) return undefined;
      return { objectId: oid.toLowerCase(), expiresMs: exp! * 1000, verifiedAtMs };
    } catch (error) {
      if (isFaultOfToken(jose, error)) return undefined;
      throw new WorkspaceError(
        "Unavailable",
        "The keys of Microsoft Entra ID cannot be had. Try again a little later.",
        {
          cause: error,
        },
      );
    }
  }

  /** Of tokens of version 2 and of version 1: which one an app gets is a matter of its registration. */
  private issuers(): string[] {
    const { authority, tenant } = this.settings;
    return [`${authority}/${tenant}/v2.0`, `https://sts.windows.net/${tenant}/`];
  }

  private async load(): Promise<{ jose: Jose; keys: JWTVerifyGetKey }> {
    const jose = await import("jose");
    const { authority, tenant } = this.settings;
    const keys = jose.createRemoteJWKSet(new URL(`${authority}/${tenant}/discovery/v2.0/keys`), {
      timeoutDuration: KEYS_TIMEOUT_MS,
      cooldownDuration: this.cooldownMs,
      cacheMaxAge: KEYS_MAX_AGE_MS,
      [jose.customFetch]: (url, options) => this.fetchKeys(url, options),
    });
    return { jose, keys };
  }

  /** The library waits between successful looks only; tokens that name unknown keys must not become requests while the issuer is away. */
  private async fetchKeys(url: string, options: RequestInit): Promise<Response> {
    const nowMs = performance.now();
    if (nowMs - this.failedMs < this.cooldownMs) throw new TypeError("The issuer did not answer a moment ago.");
    try {
      const response = await fetch(url, options);
      if (!response.ok) throw new TypeError(`The issuer answered ${response.status}.`);
      return response;
    } catch (error) {
      this.failedMs = nowMs;
      throw error;
    }
  }
}

/** Anything else is a fault of the issuer, or of the way to it. */
function isFaultOfToken({ errors }: Jose, error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return false;
  return error instanceof errors.JOSEError && error.code !== "ERR_JOSE_GENERIC";
}
