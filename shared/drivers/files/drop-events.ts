import type { BlobProperties } from "../../stores/blob-store.ts";
import type { Clock, Ids } from "../../stores/clock.ts";
import type { WriteApi } from "./blob-catalog.ts";
import { blobUrl } from "./signed-blobs.ts";

const DROP_CONTAINER = "drop";
export const BLOB_EVENTS_QUEUE = "blob-events";

/** The event that Azure's Event Grid puts on the queue when a blob was created or replaced. */
interface BlobCreatedEvent {
  readonly id: string;
  readonly eventType: "Microsoft.Storage.BlobCreated";
  /** `/blobServices/default/containers/<container>/blobs/<path>`, not encoded. */
  readonly subject: string;
  /** ISO 8601. */
  readonly eventTime: string;
  readonly data: {
    readonly api: WriteApi;
    readonly contentType: string;
    readonly contentLength: number;
    readonly eTag: string;
    readonly url: string;
  };
}

/** Undefined for a blob outside the container `drop`. */
export function dropEvent(
  blob: BlobProperties,
  api: WriteApi,
  context: { clock: Clock; ids: Ids; baseUrl: () => string },
): BlobCreatedEvent | undefined {
  const slash = blob.name.indexOf("/");
  if (blob.name.slice(0, slash) !== DROP_CONTAINER) return undefined;
  return {
    id: context.ids.hex(16),
    eventType: "Microsoft.Storage.BlobCreated",
    subject: `/blobServices/default/containers/${DROP_CONTAINER}/blobs/${blob.name.slice(slash + 1)}`,
    eventTime: new Date(context.clock.now()).toISOString(),
    data: {
      api,
      contentType: blob.contentType,
      contentLength: blob.size,
      eTag: blob.etag,
      url: blobUrl(context.baseUrl(), blob.name),
    },
  };
}
