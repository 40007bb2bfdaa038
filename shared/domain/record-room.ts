import { WorkspaceError } from "./errors.ts";
import type { SectionName } from "./record-shape.ts";

const MEBIBYTE = 1024 * 1024;

/** What some sections of a run or logged model may have together, keys and values, in UTF-8: every answer that shows it holds all of them. */
interface Room {
  readonly sections: readonly SectionName[];
  readonly what: string;
  readonly bytes: number;
  readonly advice: string;
}

export const ROOMS: readonly Room[] = [
  {
    sections: ["params", "tags"],
    what: "tags and params",
    bytes: 4 * MEBIBYTE,
    advice: "Log large values as artifacts, for instance with mlflow.log_text or mlflow.log_dict.",
  },
  {
    sections: ["inputs"],
    what: "datasets, with their schemas and profiles,",
    bytes: 24 * MEBIBYTE,
    advice: "Log smaller profiles, or log them as artifacts.",
  },
  {
    sections: ["modelInputs", "outputs"],
    what: "logged models that are inputs and outputs",
    bytes: MEBIBYTE,
    advice: "Log models to runs of their own.",
  },
];

type Contents = readonly ReadonlyMap<string, unknown>[];

/**
 * What has more than there is room for, because it was written before there was a limit, may get smaller.
 * @param before the sections as they are stored
 * @throws TooLarge when they have grown beyond the limit
 */
export function requireRoom(
  kind: "run" | "model",
  { what, bytes: limit, advice }: Room,
  after: Contents,
  before: () => Contents,
): void {
  const bytes = bytesOf(after);
  if (bytes <= limit || bytes <= bytesOf(before())) return;
  throw new WorkspaceError(
    "TooLarge",
    `The ${what} of a ${kind === "run" ? "run" : "logged model"} may have ${limit} bytes together; these would have ${bytes}. ${advice}`,
  );
}

function bytesOf(contents: Contents): number {
  let bytes = 0;
  for (const entries of contents) {
    for (const [key, value] of entries) bytes += Buffer.byteLength(key) + valueBytes(value);
  }
  return bytes;
}

/** Of a dataset, also what lies in blobs. */
function valueBytes(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  const inBlobs = (value as { readonly blobBytes?: number }).blobBytes ?? 0;
  return Buffer.byteLength(JSON.stringify(value)) + inBlobs;
}
