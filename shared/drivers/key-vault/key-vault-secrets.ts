import type { SecretClient } from "@azure/keyvault-secrets";
import { StoreUnavailable } from "../../stores/errors.ts";
import type { SecretStore } from "../../stores/secret-store.ts";
import { type Attempt, READ, type Retries, TRANSFER, WRITE } from "../common/retries.ts";
import { checkSecretName, checkSecretValue } from "../common/secret-rules.ts";
import { refusalCode } from "../common/storage-errors.ts";

const SECONDS_OF_A_REMOVAL = 5;

/**
 * Secrets in Azure Key Vault. A removed one stays recoverable in the vault until its retention is over; setting it again recovers it and
 * gives it a new version.
 */
export class KeyVaultSecrets implements SecretStore {
  readonly #client: SecretClient;
  readonly #retry: Retries;

  constructor(client: SecretClient, retry: Retries) {
    this.#client = client;
    this.#retry = retry;
  }

  async set(name: string, value: string): Promise<void> {
    checkSecretName(name);
    checkSecretValue(value);
    const write = () =>
      this.#retry(WRITE, `set the secret ${name}`, ({ signal }) =>
        this.#client.setSecret(name, value, { abortSignal: signal }),
      );
    try {
      await write();
    } catch (error) {
      if (refusalCode(error) !== "Conflict") throw error;
      await this.#recover(name);
      await write();
    }
  }

  async get(name: string): Promise<string | undefined> {
    checkSecretName(name);
    return this.#retry(READ, `get the secret ${name}`, async ({ signal }) => {
      const secret = await whereFound(this.#client.getSecret(name, { abortSignal: signal }));
      return secret?.value;
    });
  }

  async remove(name: string): Promise<void> {
    checkSecretName(name);
    await this.#retry(WRITE, `remove the secret ${name}`, async ({ signal }) => {
      // Gone for readers with the answer; the vault goes on in the background.
      await whereFound(this.#client.beginDeleteSecret(name, { abortSignal: signal }));
    });
  }

  names(prefix: string): Promise<string[]> {
    return this.#retry(TRANSFER, "list secrets", async ({ signal }) => {
      const found: string[] = [];
      for await (const { name } of this.#client.listPropertiesOfSecrets({ abortSignal: signal })) {
        if (name.startsWith(prefix)) found.push(name);
      }
      return found.sort();
    });
  }

  /** @throws StoreUnavailable while the vault is still busy removing it */
  async #recover(name: string): Promise<void> {
    const recover = async ({ signal }: Attempt) => {
      const poller = await this.#client.beginRecoverDeletedSecret(name, { abortSignal: signal });
      await poller.pollUntilDone({ abortSignal: signal });
    };
    try {
      await this.#retry(TRANSFER, `recover the secret ${name}`, recover);
    } catch (error) {
      if (refusalCode(error) === undefined) throw error;
      const message = `The secret ${name} is still being removed; it cannot be set yet.`;
      throw new StoreUnavailable(message, SECONDS_OF_A_REMOVAL, { cause: error });
    }
  }
}

/** Undefined for the vault's own word that there is none, and for nothing else. */
async function whereFound<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (refusalCode(error) === "SecretNotFound") return undefined;
    throw error;
  }
}
