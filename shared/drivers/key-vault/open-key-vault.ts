import type { TokenCredential } from "@azure/core-auth";
import { SecretClient, type SecretClientOptions } from "@azure/keyvault-secrets";
import type { Clock, Ids } from "../../stores/clock.ts";
import type { SecretStore } from "../../stores/secret-store.ts";
import { CachedSecrets } from "../common/cached-secrets.ts";
import { storageRetries } from "../common/retries.ts";
import { KeyVaultSecrets } from "./key-vault-secrets.ts";

/** The oldest that has all we ask for; national clouds get newer ones later. */
const SERVICE_VERSION = "7.6";

export interface KeyVaultOptions {
  /** `https://<vault>.vault.azure.net` */
  readonly endpoint: string;
  readonly credential: TokenCredential;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Further options of the client, for a vault that stands in for Azure's. */
  readonly client?: SecretClientOptions;
}

/** The secrets of a vault, kept in memory for five minutes. Opens no connection yet. Needs the role Key Vault Secrets Officer. */
export function openKeyVault({ endpoint, credential, clock, ids, client }: KeyVaultOptions): SecretStore {
  // The driver retries by itself, within its own deadlines.
  const options: SecretClientOptions = { serviceVersion: SERVICE_VERSION, retryOptions: { maxRetries: 0 }, ...client };
  const secrets = new SecretClient(endpoint, credential, options);
  return new CachedSecrets(new KeyVaultSecrets(secrets, storageRetries(ids)), clock);
}
