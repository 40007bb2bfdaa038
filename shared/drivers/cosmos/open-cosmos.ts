import type { TokenCredential } from "@azure/core-auth";
import { createDefaultHttpClient, type HttpClient } from "@azure/core-rest-pipeline";
import { CosmosClient } from "@azure/cosmos";
import type { Clock, Ids } from "../../stores/clock.ts";
import type { DocumentStore } from "../../stores/document-store.ts";
import { type ContainerName, createContainers } from "./containers.ts";
import { CosmosDocumentStore } from "./document-store.ts";
import { Retrying } from "./retrying.ts";
import { Wire } from "./wire.ts";

/** The service itself gives up after 5 s. With the time for retries it makes the 10 s that a write may take at most. */
const REQUEST_TIMEOUT_MS = 5_000;
const RETRY_MS = 5_000;

export type CosmosOptions = {
  /** `https://<account>.documents.azure.com:443/` */
  readonly endpoint: string;
  /** Default `cairn`. */
  readonly databaseName?: string;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Stands in for the network in tests. */
  readonly httpClient?: HttpClient;
  /** How long to go on trying after a first failure, and how long one request may take; default 5,000 each. */
  readonly retryMs?: number;
  readonly requestTimeoutMs?: number;
} & (
  | { readonly credential: TokenCredential; readonly key?: undefined }
  | { readonly credential?: undefined; readonly key: string }
);

export interface CosmosStores {
  readonly documents: Readonly<Record<ContainerName, DocumentStore>>;
  /**
   * Makes the database and its containers where they are missing: for emulators and accounts with a key. In Azure, Bicep makes them.
   * @throws StoreUnavailable
   */
  createContainers(): Promise<void>;
  /** Nothing must be in flight; the stores are of no use afterwards. */
  close(): Promise<void>;
}

/** The documents of an account of Azure Cosmos DB for NoSQL. Nothing is sent before the first call. */
export async function openCosmos(options: CosmosOptions): Promise<CosmosStores> {
  const { databaseName = "cairn", clock, ids } = options;
  const wire = new Wire(options.httpClient ?? createDefaultHttpClient());
  const retrying = new Retrying(ids, options.retryMs ?? RETRY_MS);
  const client = makeClient(options, wire);
  const database = client.database(databaseName);
  const store = (name: ContainerName) =>
    new CosmosDocumentStore({ container: database.container(name), wire, retrying, clock, ids });
  return {
    documents: { runs: store("runs"), catalog: store("catalog"), events: store("events") },
    async createContainers() {
      await retrying.run("making the database and its containers", async () => {
        await client.databases.createIfNotExists({ id: databaseName });
        await createContainers(database);
      });
    },
    async close() {
      client.dispose();
    },
  };
}

/**
 * All retries are ours: only so it is known, on a conflict, whether it may be with ourselves. The account has one region, so there is none
 * to discover.
 */
function makeClient({ endpoint, key, credential, requestTimeoutMs = REQUEST_TIMEOUT_MS }: CosmosOptions, wire: Wire) {
  return new CosmosClient({
    endpoint,
    ...(key === undefined ? { aadCredentials: credential } : { key }),
    httpClient: wire,
    userAgentSuffix: "cairn",
    connectionPolicy: {
      requestTimeout: requestTimeoutMs,
      enableEndpointDiscovery: false,
      enableBackgroundEndpointRefreshing: false,
      enablePartitionLevelFailover: false,
      retryOptions: { maxRetryAttemptCount: 0, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 0 },
    },
  });
}
