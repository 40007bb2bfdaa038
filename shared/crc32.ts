let checksum: typeof import("node:zlib").crc32 | undefined;

/** That of node:zlib, which is loaded with the first use: a start would wait 3 ms for it. */
export function crc32(data: string | Uint8Array, value?: number): number {
  checksum ??= process.getBuiltinModule("node:zlib").crc32;
  return checksum(data as Uint8Array<ArrayBuffer>, value);
}
