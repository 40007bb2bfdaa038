import { createHash } from "node:crypto";
import { InvalidArgument, PreconditionFailed } from "../stores/errors.ts";
import { blobToWrite } from "./artifacts.ts";
import { invalid } from "./errors.ts";
import { ALL_UPLOADS, BLOBS } from "./stored-names.ts";
import type { Workspace } from "./workspace.ts";

/*
 * Uploads of artifacts in parts, which clients write straight into the blob store by signed URLs. An upload has a blob of its own in the container
 * `uploads`, so whatever such a URL is used for, and whenever, no artifact is touched: it gets its content when the upload is completed. What is
 * left in that container is found there by `sweepUploads`; blocks that were never put together go by themselves.
 */

/** A part of a file, and where it is PUT. */
interface PartTarget {
  readonly number: number;
  readonly url: string;
  readonly headers: Record<string, string>;
}

const MAX_PARTS = 10_000;
const SIGNED_FOR_SECONDS = 3_600;
const ABANDONED_AFTER_MS = 24 * 3_600 * 1_000;
const UPLOAD_ID = /^[0-9a-f]{16}$/;

/**
 * @param file from `artifactFile`
 * @param parts how many there will be, 1-10,000
 * @throws InvalidParameter, AlreadyExists
 */
export async function beginUpload(
  workspace: Workspace,
  file: string,
  parts: number,
): Promise<{ uploadId: string; targets: PartTarget[] }> {
  requirePartNumber(parts);
  await blobToWrite(workspace, file);
  const uploadId = workspace.ids.hex(8);
  const numbers = Array.from({ length: parts }, (_, i) => i + 1);
  const { urls, headers } = await workspace.stores.blobs.signedBlockUrls(
    stagingBlob(workspace, file, uploadId),
    numbers.map(blockId),
    SIGNED_FOR_SECONDS,
  );
  return { uploadId, targets: numbers.map((number, i) => ({ number, url: urls[i]!, headers })) };
}

/**
 * Makes the artifact of parts, in the order of their numbers. May be repeated when its answer got lost.
 * @throws InvalidParameter when a part is missing; AlreadyExists
 */
export async function completeUpload(
  workspace: Workspace,
  file: string,
  uploadId: string,
  partNumbers: readonly number[],
  contentType: string,
): Promise<void> {
  const { blobs } = workspace.stores;
  if (partNumbers.length === 0) throw invalid("Invalid value for parameter 'parts' supplied: there is one at least.");
  const ids = partNumbers
    .map(requirePartNumber)
    .sort((a, b) => a - b)
    .map(blockId);
  const staging = stagingBlob(workspace, file, uploadId);
  const blob = await blobToWrite(workspace, file);
  const isCommitted = (await blobs.head(staging)) !== undefined;
  const size = isCommitted ? undefined : await commit(workspace, staging, ids, contentType);
  if (size === 0) await blobs.put(blob, new Uint8Array(), { contentType });
  else await blobs.handOver(staging, blob);
}

/** @returns the bytes of all parts; undefined when the same call, made at the same moment, has put them together */
async function commit(
  workspace: Workspace,
  staging: string,
  ids: readonly string[],
  contentType: string,
): Promise<number | undefined> {
  const { blobs } = workspace.stores;
  try {
    return (await blobs.commitBlocks(staging, ids, { contentType })).size;
  } catch (error) {
    const isRefused = error instanceof InvalidArgument;
    if (!isRefused && !(error instanceof PreconditionFailed)) throw error;
    if (await blobs.head(staging)) return undefined;
    if (!isRefused) throw error;
    throw invalid("The upload cannot be completed: not all of its parts have been uploaded.");
  }
}

/** Drops the parts that were uploaded. One that was completed stays. */
export async function abortUpload(workspace: Workspace, file: string, uploadId: string): Promise<void> {
  const { blobs } = workspace.stores;
  const staging = stagingBlob(workspace, file, uploadId);
  await blobs.commitBlocks(staging, []);
  await blobs.remove(staging);
}

/** Removes what is left of uploads: of completed ones the empty blob, and whatever was written under a signed URL that was still good. */
export async function sweepUploads({ stores, clock }: Pick<Workspace, "stores" | "clock">): Promise<void> {
  const beforeMs = clock.now() - ABANDONED_AFTER_MS;
  for await (const { blobs } of stores.blobs.list(ALL_UPLOADS)) {
    for (const { name, lastModifiedMs } of blobs) if (lastModifiedMs < beforeMs) await stores.blobs.remove(name);
  }
}

/** An upload is of one file: its id opens nothing for another. */
function stagingBlob(workspace: Workspace, file: string, uploadId: string): string {
  if (!UPLOAD_ID.test(uploadId)) {
    throw invalid("Invalid value for parameter 'upload_id' supplied: it was not issued by this service.");
  }
  const target = createHash("sha256").update(file).digest("hex").slice(0, 16);
  return BLOBS.uploads(workspace.id, `${uploadId}-${target}`);
}

function blockId(partNumber: number): string {
  return `part-${String(partNumber).padStart(5, "0")}`;
}

function requirePartNumber(number: number): number {
  if (number >= 1 && number <= MAX_PARTS) return number;
  throw invalid(`Invalid value ${number} for parameter 'part_number' supplied: 1 to ${MAX_PARTS} are accepted.`);
}
