import type { BlobGetPropertiesResponse } from "@azure/storage-blob";
import { type Attempt, READ, type Retries } from "../common/retries.ts";
import { refusalCode } from "../common/storage-errors.ts";
import type { Containers } from "./containers.ts";

const ABSENT = new Set(["BlobNotFound", "ContainerNotFound"]);

/** For errors of reads: undefined when the service says that the blob is not there; everything else is raised again. */
export function undefinedIfAbsent(error: unknown): undefined {
  if (!isAbsence(error)) throw error;
}

export function isAbsence(error: unknown): boolean {
  return ABSENT.has(refusalCode(error) ?? "");
}

/** Undefined when absent. */
export function readHead(
  containers: Containers,
  retry: Retries,
  name: string,
): Promise<BlobGetPropertiesResponse | undefined> {
  const read = ({ signal }: Attempt) => containers.blob(name).getProperties({ abortSignal: signal });
  return retry(READ, `read ${name}`, read).catch(undefinedIfAbsent);
}
