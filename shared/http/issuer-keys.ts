import type { JSONWebKeySet, JWTVerifyGetKey } from "jose";
import type { Clock } from "../stores/clock.ts";

type Jose = typeof import("jose");

/** The issuer, or the way to it, is at fault: neither a right nor a wrong token can be told. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

const TIMEOUT_MS = 5_000;
const MAX_AGE_MS = 600_000;
/** How long keys are good that cannot be looked for anew: an issuer's outage shuts nobody out. */
const LAST_KNOWN_MS = 12 * 3_600_000;
/** Between two looks for a key that is not known, so that tokens that name invented ones do not become requests. */
export const UNKNOWN_COOLDOWN_MS = 30_000;
/** Between two looks while the issuer is away; until it answered once, everybody waits for it. */
const AWAY_COOLDOWN_MS = { known: 30_000, none: 1_000 };

/** The keys with which an issuer signs, as it publishes them at one address. They are looked for when they are needed, once for all who wait. */
export class IssuerKeys {
  readonly #address: string;
  readonly #clock: Clock;
  readonly #unknownCooldownMs: number;
  #known: { find: JWTVerifyGetKey; readAtMs: number } | undefined;
  #reading: Promise<void> | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #fault: KeysUnavailable | undefined;

  constructor(address: string, clock: Clock, unknownCooldownMs: number) {
    this.#address = address;
    this.#clock = clock;
    this.#unknownCooldownMs = unknownCooldownMs;
  }

  /** The key of a token, by its header. @throws KeysUnavailable; the library's error for a key that the issuer does not have */
  finder(jose: Jose): JWTVerifyGetKey {
    return async (header, token) => {
      const find = await this.#current(jose);
      try {
        return await find(header, token);
      } catch (error) {
        if (!(error instanceof jose.errors.JWKSNoMatchingKey) || !(await this.#lookAgain(jose))) throw error;
        return this.#known!.find(header, token);
      }
    };
  }

  /** Not older than ten minutes, or the last known while the issuer is away. */
  async #current(jose: Jose): Promise<JWTVerifyGetKey> {
    if (this.#ageMs() >= MAX_AGE_MS && !this.#wasAway()) await this.#look(jose).catch(() => {});
    if (this.#ageMs() < LAST_KNOWN_MS) return this.#known!.find;
    throw this.#fault!;
  }

  /** Whether the keys are newer now. @throws KeysUnavailable when nobody can say whether there is such a key */
  async #lookAgain(jose: Jose): Promise<boolean> {
    if (this.#clock.elapsed() - this.#lookedAtMs < this.#unknownCooldownMs) {
      if (this.#fault) throw this.#fault;
      return false;
    }
    await this.#look(jose);
    return true;
  }

  #ageMs(): number {
    return this.#known ? this.#clock.elapsed() - this.#known.readAtMs : Number.POSITIVE_INFINITY;
  }

  #wasAway(): boolean {
    const cooldownMs = this.#ageMs() < LAST_KNOWN_MS ? AWAY_COOLDOWN_MS.known : AWAY_COOLDOWN_MS.none;
    return this.#fault !== undefined && this.#clock.elapsed() - this.#lookedAtMs < cooldownMs;
  }

  #look(jose: Jose): Promise<void> {
    this.#reading ??= this.#read(jose).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read({ createLocalJWKSet }: Jose): Promise<void> {
    this.#lookedAtMs = this.#clock.elapsed();
    try {
      const response = await fetch(this.#address, { redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (!response.ok) throw new TypeError(`The issuer answered ${response.status}.`);
      const keys = (await response.json()) as JSONWebKeySet;
      const find = createLocalJWKSet(keys);
      if (keys.keys.length === 0) throw new TypeError("The issuer has no keys.");
      this.#known = { find, readAtMs: this.#lookedAtMs };
      this.#fault = undefined;
    } catch (cause) {
      this.#fault = new KeysUnavailable("The issuer's keys cannot be had.", { cause });
      throw this.#fault;
    }
  }
}
