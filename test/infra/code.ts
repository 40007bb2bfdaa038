import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineFunctions, type QueueDefinition } from "../../host/definitions.ts";
import { loadRegistrations } from "../../host/functions-core.ts";
import { readConfig, SETTING_NAMES } from "../../shared/config.ts";
import { containerDefinitions, type DocumentContainer } from "../../shared/drivers/cosmos/containers.ts";
import { BLOB_CONTAINERS } from "../../shared/stores/stores.ts";

/** What the app needs to find in Azure, as its code says. */
export interface Code {
  readonly settings: readonly string[];
  readonly queues: readonly { readonly name: string; readonly connection: string }[];
  readonly blobContainers: readonly string[];
  /** Containers that names of blobs in the rules begin with. */
  readonly blobContainersNamed: readonly string[];
  readonly database: string;
  readonly documentContainers: readonly DocumentContainer[];
}

const ROOT = join(import.meta.dirname, "..", "..");

export async function readCode(): Promise<Code> {
  const app = await loadRegistrations(
    () => import("../../functions/index.ts"),
    () => {},
  );
  const isQueue = (it: { kind: string }): it is QueueDefinition => it.kind === "queue";
  const { azure } = readConfig({
    CAIRN_COSMOS_ENDPOINT: "https://cosmos.example",
    CAIRN_BLOB_ENDPOINT: "https://blob.example",
    CAIRN_QUEUE_ENDPOINT: "https://queue.example",
  });
  return {
    settings: SETTING_NAMES,
    queues: defineFunctions(app)
      .filter(isQueue)
      .map(({ queueName, trigger }) => ({ name: queueName, connection: String(trigger.connection) })),
    blobContainers: BLOB_CONTAINERS,
    blobContainersNamed: blobContainersNamed(),
    database: azure!.cosmos.database,
    documentContainers: containerDefinitions(),
  };
}

/** Names of blobs are texts like `metrics/${workspaceId}/…`: nearly all in stored-names.ts. */
function blobContainersNamed(): string[] {
  const texts = globSync("shared/{domain,http}/**/*.ts", { cwd: ROOT }).map((file) =>
    readFileSync(join(ROOT, file), "utf8"),
  );
  const found = texts.flatMap((text) =>
    [...text.matchAll(/`([a-z]+)\/\$\{(?:workspaceId|workspace\.id|runsPartition\([^)]*\))\}\//g)].map(
      ([, name]) => name!,
    ),
  );
  return [...new Set(found)];
}
