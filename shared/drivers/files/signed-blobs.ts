import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Clock } from "../../stores/clock.ts";
import { InvalidArgument } from "../../stores/errors.ts";
import { makeKeyFile, readWholeKey } from "./key-file.ts";

export const SIGNED_BLOBS_PATH = "/_blobs/";

/** What a URL is good for: reading a blob, or writing one of its blocks. */
type SignedAccess = "read" | { readonly block: string };

/** Makes and checks URLs of the local host that open one blob, or take one of its blocks, until they expire. */
export interface SignedBlobs {
  url(name: string, access: SignedAccess, expiresInSeconds: number): string;
  /** Whether the parameters of such a URL allow this access to this blob at this time. */
  allows(name: string, access: SignedAccess, parameters: URLSearchParams, nowMs: number): boolean;
}

/**
 * @param keyFile made with a new random key, readable by this user only, where there is none
 * @param baseUrl of the local host, without a slash at its end
 */
export function signedBlobs(keyFile: string, clock: Clock, baseUrl: () => string): SignedBlobs {
  const key = readOrMakeKey(keyFile);
  const sign = (name: string, access: SignedAccess, expires: string) =>
    createHmac("sha256", key)
      .update([access === "read" ? access : `block ${access.block}`, expires, name].join("\n"))
      .digest();
  return {
    url(name, access, expiresInSeconds) {
      if (!(expiresInSeconds > 0)) throw new InvalidArgument(`expiresInSeconds: ${expiresInSeconds} must be above 0.`);
      const expires = String(Math.floor(clock.now() / 1_000 + expiresInSeconds));
      const signature = sign(name, access, expires).toString("base64url");
      const query = new URLSearchParams({ ...parametersOf(access), expires, signature });
      return `${blobUrl(baseUrl(), name)}?${query}`;
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

/** Blocks in Azure's words. */
function parametersOf(access: SignedAccess): Record<string, string> {
  if (access === "read") return { access };
  return { comp: "block", blockid: Buffer.from(access.block).toString("base64") };
}

/** The block that the parameters of a URL name; undefined where they name none. */
export function blockOf(parameters: URLSearchParams): string | undefined {
  if (parameters.get("comp") !== "block") return undefined;
  return Buffer.from(parameters.get("blockid") ?? "", "base64").toString("latin1");
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
