import { WorkspaceError } from "./errors.ts";

/** What the tags and params of a run or logged model may have together, keys and values, in UTF-8: every answer that shows it holds all of them. */
export const MAX_TEXT_BYTES = 4 * 1024 * 1024;

type Texts = readonly ReadonlyMap<string, string>[];

/**
 * What has more than a record may hold, because it was written before there was a limit, may get smaller.
 * @param before tags and params as they are stored
 * @throws TooLarge when they have grown beyond the limit
 */
export function requireRoom(kind: "run" | "model", after: Texts, before: () => Texts): void {
  const bytes = bytesOf(after);
  if (bytes <= MAX_TEXT_BYTES || bytes <= bytesOf(before())) return;
  throw new WorkspaceError(
    "TooLarge",
    `The tags and params of a ${kind === "run" ? "run" : "logged model"} may have ${MAX_TEXT_BYTES} bytes together; these would have ${bytes}. ` +
      "Log large values as artifacts, for instance with mlflow.log_text or mlflow.log_dict.",
  );
}

function bytesOf(texts: Texts): number {
  let bytes = 0;
  for (const entries of texts) {
    for (const [key, value] of entries) bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  return bytes;
}
