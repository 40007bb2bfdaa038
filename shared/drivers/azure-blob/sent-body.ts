import { Readable } from "node:stream";

/** What goes in one piece: too little for its way to be watched. */
export const SMALL_BYTES = 256 * 1024;
const PIECE_BYTES = 64 * 1024;

/** A body for the client library, which tells of progress only as a stream is taken from it; made anew for each attempt. */
export function sentBody(bytes: Uint8Array): Uint8Array | (() => Readable) {
  return bytes.length <= SMALL_BYTES ? bytes : () => Readable.from(pieces(bytes), { objectMode: false });
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}
