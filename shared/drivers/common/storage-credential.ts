import type { TokenCredential } from "@azure/identity";

/** The key of a storage account: for emulators, and for accounts that still allow it. */
export interface AccountKey {
  readonly accountName: string;
  /** Base64. */
  readonly accountKey: string;
}

/** A Microsoft Entra ID identity (https only), or an account key. */
export type StorageCredential = TokenCredential | AccountKey;

export function isAccountKey(credential: StorageCredential): credential is AccountKey {
  return "accountKey" in credential;
}
