/** 25 KB, which is what Key Vault takes. */
export const MAX_SECRET_BYTES = 25_000;

/**
 * Secret texts by name, in Azure Key Vault's terms: small, and read far more often than written.
 *
 * Laws:
 * - Names: 1-127 of lower-case letters, digits and `-` (Key Vault has no case); else InvalidArgument.
 * - Values: any well-formed text of 1 to 25,000 bytes of UTF-8 survives unchanged; else InvalidArgument or TooLarge.
 * - What was acknowledged counts at once on this instance, on others within five minutes, and survives the death of the process.
 * - The last `set` wins; the name of a removed secret may be set again.
 * - Absence is never the answer to a failure: what cannot be read now is thrown.
 * - No error holds a value.
 */
export interface SecretStore {
  set(name: string, value: string): Promise<void>;

  /** Undefined when absent. */
  get(name: string): Promise<string | undefined>;

  /** Nothing happens where there is none. */
  remove(name: string): Promise<void>;

  /** All that begin with `prefix`, in order. Looks at every name that there is: not for requests. */
  names(prefix: string): Promise<string[]>;
}
