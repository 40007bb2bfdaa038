import { type Config, readConfig } from "../shared/config.ts";
import { openEmbedded } from "../shared/drivers/embedded/open-embedded.ts";
import { SecretFiles } from "../shared/drivers/files/secret-files.ts";
import { machineClock, machineIds } from "../shared/drivers/machine.ts";
import { secretsIn } from "../shared/drivers/sqlite/data-folder.ts";
import { redact } from "../shared/redact.ts";
import type { Stores } from "../shared/stores/stores.ts";
import { StartError } from "./errors.ts";
import type { Intercept } from "./http.ts";
import { serveSignedBlob } from "./signed-blobs.ts";

/** The stores a local host runs on. */
export interface LocalStores extends Stores {
  /** For people: where everything is kept. */
  readonly where: string;
  readonly intercept: readonly Intercept[];
  /** Removes what has expired. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

const nothing = async () => {};

/**
 * The embedded stores in `folder`; or, where the environment names them, those of Azure or its emulators.
 * @throws InvalidSettings; StartError when stores elsewhere do not open; what opening the data folder throws
 */
export async function openLocalStores(options: {
  readonly folder: string;
  readonly durable: boolean;
  readonly baseUrl: () => string;
}): Promise<LocalStores> {
  const { azure }: Config = readConfig();
  if (!azure) {
    const stores = openEmbedded({ ...options, clock: machineClock });
    return {
      documents: stores.documents,
      blobs: stores.blobs,
      queue: stores.queue,
      secrets: stores.secrets,
      where: options.folder,
      intercept: [serveSignedBlob(stores, machineClock)],
      sweep: async () => void (await stores.sweep()),
      close: async () => void (await stores.close()),
    };
  }
  const { openAzureStores } = await import("../shared/drivers/azure-stores.ts");
  const where = [azure.cosmos.endpoint, azure.blobEndpoint, azure.queueEndpoint].join(", ");
  const stores = await openAzureStores(azure, { clock: machineClock, ids: machineIds }).catch((error) => {
    throw new StartError(`The stores at ${where} cannot be opened. ${firstLine(error)}`);
  });
  const secrets = stores.secrets ?? secretFiles(options);
  return { ...stores, secrets, where, intercept: [], sweep: nothing, close: stores.close };
}

/** Those of the services' clients go on with headers and traces. */
const firstLine = (error: unknown): string =>
  redact(String(error instanceof Error ? error.message : error).split("\n", 1)[0]!);

/** For emulators, which have no vault. */
function secretFiles({ folder, durable }: { folder: string; durable: boolean }): SecretFiles {
  const { secretsFolder, secretsKeyFile } = secretsIn(folder);
  return new SecretFiles({ folder: secretsFolder, keyFile: secretsKeyFile, durable });
}
