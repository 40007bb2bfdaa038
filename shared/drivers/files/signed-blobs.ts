import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import type { BlobAccess } from "../../stores/blob-store.ts";
import type { Clock } from "../../stores/clock.ts";
import { InvalidArgument } from "../../stores/errors.ts";
import { makeKeyFile, readWholeKey } from "./key-file.ts";

export const SIGNED_BLOBS_PATH = "/_blobs/";

/** Makes and checks URLs of the local host that open one blob for one kind of access until they expire. */
export interface SignedBlobs {
  url(name: string, access: BlobAccess, expiresInSeconds: number): string;
  /** Whether the parameters of such a URL allow this access to this blob at this time. */
  allows(name: string, access: BlobAccess, parameters: URLSearchParams, nowMs: number): boolean;
}

/**
 * @param keyFile made with a new random key, readable by this user only, where there is none
 * @param baseUrl of the local host, without a slash at its end
 */
export function signedBlobs(keyFile: string, clock: Clock, baseUrl: () => string): SignedBlobs {
  const key = readOrMakeKey(keyFile);
  const sign = (name: string, access: string, expires: string) =>
    createHmac("sha256", key).update([access, expires, name].join("\n")).digest();
  return {
    url(name, access, expiresInSeconds) {
      if (!(expiresInSeconds > 0)) throw new InvalidArgument(`expiresInSeconds: ${expiresInSeconds} must be above 0.`);
      const expires = String(Math.floor(clock.now() / 1_000 + expiresInSeconds));
      const signature = sign(name, access, expires).toString("base64url");
      return `${blobUrl(baseUrl(), name)}?${new URLSearchParams({ access, expires, signature })}`;
    },
    allows(name, access, parameters, nowMs) {
      const expires = parameters.get("expires") ?? "";
      const given = Buffer.from(parameters.get("signature") ?? "", "base64url");
      const expected = sign(name, access, expires);
      const authentic = given.length === expected.length && timingSafeEqual(given, expected);
      return authentic && nowMs < Number(expires) * 1_000;
    },
  };
}

/** Where the local host serves a blob. */
export function blobUrl(baseUrl: string, name: string): string {
  return `${baseUrl}${SIGNED_BLOBS_PATH}${name.split("/").map(encodeURIComponent).join("/")}`;
}

/** A key that is not whole opens nothing: anybody could guess it. URLs signed with it end, which is soon in any case. */
function readOrMakeKey(keyFile: string): Buffer {
  const known = readWholeKey(keyFile);
  if (known) return known;
  makeKeyFile(keyFile);
  return readFileSync(keyFile);
}
