import type { BlobDownload } from "../../stores/blob-store.ts";
import { BLOBS } from "../stored-names.ts";
import type { Workspace } from "../workspace.ts";
import { openSnapshot, type TableSnapshot } from "./table-snapshot.ts";

/** Removals are learnt from tombstones, which live 30 days; an older snapshot might never hear of some. */
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;
/** Larger ones are neither written nor read. */
export const MAX_SNAPSHOT_BYTES = 512 * 1024 * 1024;

/** Where snapshots of the search tables of an experiment lie. */
export function searchPrefix(workspace: Workspace, experimentId: string): string {
  return BLOBS.search(workspace.id, `${experimentId}/`);
}

export function runsSnapshotBlob(workspace: Workspace, experimentId: string): string {
  return `${searchPrefix(workspace, experimentId)}runs`;
}

/**
 * The table that a snapshot blob holds, and the mark behind its last item. Undefined when there is none that is whole, of these `contents`, in
 * this version's layout and younger than 7 days, or when it cannot be read now: whoever asks can do without.
 */
export async function loadSnapshot(
  workspace: Workspace,
  blob: string,
  contents: string,
): Promise<(TableSnapshot & { mark: string }) | undefined> {
  try {
    const found = await workspace.stores.blobs.get(blob);
    const bytes = found && (await readAll(found));
    const snapshot = bytes && openSnapshot(bytes);
    if (snapshot?.header.contents !== contents) return undefined;
    const { mark, writtenMs } = snapshot.header;
    // A clock that ran ahead would otherwise make it usable for too long.
    if (!(Math.abs(workspace.clock.now() - writtenMs) < MAX_AGE_MS)) return undefined;
    return { ...snapshot.decode(), mark };
  } catch {
    return undefined;
  }
}

/** Undefined when it is too large, or not as long as it should be. */
async function readAll({ properties, body }: BlobDownload): Promise<Buffer | undefined> {
  const bytes = Buffer.allocUnsafe(properties.size > MAX_SNAPSHOT_BYTES ? 0 : properties.size);
  let length = 0;
  for await (const chunk of body) {
    if (length + chunk.length > bytes.length) return undefined;
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return length === bytes.length ? bytes : undefined;
}
