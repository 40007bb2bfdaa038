import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { BlobDownload, BlobStore, ByteRange, ByteStream } from "../../../shared/stores/blob-store.ts";
import { collect, freshName } from "../support.ts";

export const MEGABYTE = 1024 * 1024;

/** A path that no other test uses, in the container `artifacts`. */
export function freshBlob(): string {
  return `artifacts/${freshName("blob")}`;
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bytes that tell where they belong: byte `i` follows from `i` and `seed`. */
export function pattern(length: number, seed = 0, from = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = ((from + i) * 31 + ((from + i) >> 8) * 17 + seed) & 0xff;
  return bytes;
}

export async function* streamOf(...chunks: readonly (Uint8Array | string)[]): ByteStream {
  for (const chunk of chunks) yield typeof chunk === "string" ? utf8(chunk) : chunk;
}

/** Gives the chunks, then fails. */
export async function* failing(...chunks: readonly Uint8Array[]): ByteStream {
  yield* chunks;
  throw new SourceFailed("the source of the bytes failed");
}

export class SourceFailed extends Error {}

export async function bytesOf(download: BlobDownload | undefined): Promise<Buffer> {
  if (download === undefined) throw new Error("the blob is not there");
  return Buffer.concat(await collect(download.body));
}

export async function read(store: BlobStore, name: string, range?: ByteRange): Promise<Buffer> {
  return bytesOf(await store.get(name, range));
}

export async function readText(store: BlobStore, name: string, range?: ByteRange): Promise<string> {
  return (await read(store, name, range)).toString();
}

/** Bytes that this process holds, garbage not counted. */
export function memoryHeld(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

setFlagsFromString("--expose-gc");
export const collectGarbage = runInNewContext("gc") as () => void;
