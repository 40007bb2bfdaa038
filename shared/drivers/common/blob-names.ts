import { type ByteRange, MAX_APPEND_BYTES } from "../../stores/blob-store.ts";
import { InvalidArgument } from "../../stores/errors.ts";

const CONTAINER = /^[a-z0-9-]{1,63}$/;
const BLOCK_ID = /^[A-Za-z0-9_-]{1,64}$/;
const FORBIDDEN = /\p{Cc}|\\/u;
const MAX_SEGMENTS = 254;

/**
 * @param name `<container>/<path>`
 * @throws InvalidArgument when it breaks the rules on `BlobStore`
 */
export function checkBlobName(name: string, maxPathLength: number): void {
  const slash = checkContainer(name, "name");
  const fault = faultOfPath(name.slice(slash + 1), maxPathLength);
  if (fault !== undefined)
    throw new InvalidArgument(`name: the path of ${JSON.stringify(name.slice(0, 200))} ${fault}.`);
}

/** @throws InvalidArgument unless it begins with a container and `/` */
export function checkPrefix(prefix: string): void {
  checkContainer(prefix, "prefix");
}

/** @throws InvalidArgument */
export function checkBlockId(blockId: string): void {
  if (!BLOCK_ID.test(blockId)) {
    throw new InvalidArgument(
      `blockId: ${JSON.stringify(blockId.slice(0, 80))} must be 1-64 characters of A-Z, a-z, 0-9, _ and -.`,
    );
  }
}

/** @throws InvalidArgument */
export function checkRange({ first, last }: ByteRange): void {
  const whole = Number.isSafeInteger(first) && (last === undefined || Number.isSafeInteger(last));
  if (!whole || first < 0 || (last !== undefined && last < first)) {
    throw new InvalidArgument(`range: ${first} to ${last ?? "the end"} must be whole numbers, 0 <= first <= last.`);
  }
}

/** @throws InvalidArgument */
export function checkPiece(bytes: Uint8Array, at: number): void {
  if (!Number.isSafeInteger(at) || at < 0) throw new InvalidArgument(`at: ${at} must be a whole number, 0 or more.`);
  if (bytes.length < 1 || bytes.length > MAX_APPEND_BYTES) {
    throw new InvalidArgument(`bytes: ${bytes.length} given, an append takes 1-${MAX_APPEND_BYTES}.`);
  }
}

/** The container's length. */
function checkContainer(name: string, field: string): number {
  const slash = name.indexOf("/");
  if (slash < 0 || !CONTAINER.test(name.slice(0, slash))) {
    throw new InvalidArgument(
      `${field}: ${JSON.stringify(name.slice(0, 200))} must begin with a container (a-z, 0-9 and -) and /.`,
    );
  }
  return slash;
}

function faultOfPath(path: string, maxLength: number): string | undefined {
  if (path.length < 1 || path.length > maxLength) return `must have 1-${maxLength} characters`;
  if (!path.isWellFormed()) return "has a surrogate that is not one of a pair";
  if (FORBIDDEN.test(path)) return "must not have control characters or \\";
  const segments = path.split("/");
  if (segments.length > MAX_SEGMENTS) return `has more than ${MAX_SEGMENTS} segments`;
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    return "must not have empty segments, . or ..";
  }
  return undefined;
}
