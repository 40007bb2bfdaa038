import type { BlobStore } from "../../stores/blob-store.ts";
import type { Clock } from "../../stores/clock.ts";
import type { DocumentStore } from "../../stores/document-store.ts";
import type { SecretStore } from "../../stores/secret-store.ts";
import type { WorkQueue } from "../../stores/work-queue.ts";
import { BlobCatalog } from "../files/blob-catalog.ts";
import { ContentFolder } from "../files/content-folder.ts";
import { FileBlobStore } from "../files/file-blob-store.ts";
import { SecretFiles } from "../files/secret-files.ts";
import { type SignedBlobs, signedBlobs } from "../files/signed-blobs.ts";
import { type DataFolder, takeDataFolder, unusable } from "../sqlite/data-folder.ts";
import { Database } from "../sqlite/database.ts";
import { SqliteDocumentStore } from "../sqlite/document-store.ts";
import { usableOrNot } from "../sqlite/own-database.ts";
import { type DocumentTable, prepareSchema } from "../sqlite/schema.ts";
import { SqliteWorkQueue } from "../sqlite/work-queue.ts";

interface EmbeddedOptions {
  /** Made where it does not exist. One process at a time works on it. */
  readonly folder: string;
  readonly clock: Clock;
  /** Whether every acknowledged write is on the disk (survives a loss of power); default false: it survives the process. */
  readonly durable?: boolean;
  /** Of the local host, for signed URLs: `http://127.0.0.1:5000`. Asked for whenever a URL is made. */
  readonly baseUrl: () => string;
}

export interface EmbeddedStores {
  readonly documents: Readonly<Record<DocumentTable, DocumentStore>>;
  readonly blobs: BlobStore;
  readonly queue: WorkQueue;
  readonly secrets: SecretStore;
  readonly signedBlobs: SignedBlobs;
  /** Removes expired documents and forgotten blocks from the disk. Writing does so now and then by itself. */
  sweep(): Promise<void>;
  /** Frees the folder. Nothing must be in flight; the stores are of no use afterwards. */
  close(): Promise<void>;
}

/**
 * The stores of a laptop: one SQLite database and a folder of files.
 * @throws DataFolderInUse, DataFolderUnusable, DataFormatTooNew
 */
export function openEmbedded(options: EmbeddedOptions): EmbeddedStores {
  const folder = takeDataFolder(options.folder);
  let database: Database | undefined;
  try {
    database = new Database({ ...folder, durable: options.durable ?? false });
    prepareSchema(database, options.folder);
    return makeStores(options, folder, database);
  } catch (error) {
    database?.close().catch(() => undefined);
    folder.release();
    throw unusable(options.folder, error) ?? usableOrNot(options.folder, folder.databaseFile, error);
  }
}

function makeStores(options: EmbeddedOptions, folder: DataFolder, database: Database): EmbeddedStores {
  const { clock, durable = false, baseUrl } = options;
  const documents = {
    runs: new SqliteDocumentStore(database, "runs", clock),
    catalog: new SqliteDocumentStore(database, "catalog", clock),
    events: new SqliteDocumentStore(database, "events", clock),
  };
  const queue = new SqliteWorkQueue(database, clock);
  const catalog = new BlobCatalog(database, clock);
  const signed = signedBlobs(folder.signingKeyFile, clock, baseUrl);
  const blobs = new FileBlobStore(catalog, new ContentFolder(folder.blobsFolder, durable), signed, database);
  const secrets = new SecretFiles({ folder: folder.secretsFolder, keyFile: folder.secretsKeyFile, durable });
  return {
    documents,
    blobs,
    queue,
    secrets,
    signedBlobs: signed,
    async sweep() {
      for (const store of Object.values(documents)) store.sweep();
      await blobs.sweep();
      await secrets.sweep();
    },
    async close() {
      try {
        await blobs.close();
        await database.close();
      } finally {
        folder.release();
      }
    },
  };
}
