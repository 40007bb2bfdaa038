import type {
  ContainerDefinition,
  Database,
  IndexingPolicy,
  PartitionKeyDefinition,
  UniqueKeyPolicy,
} from "@azure/cosmos";

const CONTAINER_NAMES = ["runs", "catalog", "events"] as const;
export type ContainerName = (typeof CONTAINER_NAMES)[number];

export interface DocumentContainer extends ContainerDefinition {
  readonly id: ContainerName;
  readonly partitionKey: PartitionKeyDefinition;
  readonly uniqueKeyPolicy: UniqueKeyPolicy;
  readonly indexingPolicy: IndexingPolicy;
  readonly defaultTtl: number;
}

/**
 * What the three containers look like, wherever they are made. Only what the store asks for is indexed: each further term costs every
 * write 0.2 RU, and an index on metric names would cost more than the metrics. `defaultTtl` -1 lets items have a time to live of their own.
 */
export function containerDefinitions(): DocumentContainer[] {
  return CONTAINER_NAMES.map((id) => ({
    id,
    partitionKey: { paths: ["/partition"], kind: "Hash", version: 2 } as PartitionKeyDefinition,
    uniqueKeyPolicy: { uniqueKeys: [{ paths: ["/unique"] }] },
    indexingPolicy: {
      indexingMode: "consistent",
      automatic: true,
      includedPaths: [{ path: "/scope/?" }, { path: "/unique/?" }, { path: "/_ts/?" }],
      excludedPaths: [{ path: "/*" }],
    },
    defaultTtl: -1,
  }));
}

/** Makes the containers that are missing in a database. Needs more than the data plane role that the app has in Azure. */
export async function createContainers(database: Database): Promise<void> {
  for (const definition of containerDefinitions()) await database.containers.createIfNotExists(definition);
}
