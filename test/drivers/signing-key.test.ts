import { createHmac } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { signedBlobs } from "../../shared/drivers/files/signed-blobs.ts";
import { ManualClock, temporaryFolder } from "./embedded-fixture.ts";

const BLOB = "artifacts/w1/model.bin";

describe("signing key of the embedded blob store", () => {
  const clock = new ManualClock();
  let folder: string;
  let keyFile: string;
  const open = () => signedBlobs(keyFile, clock, () => "http://127.0.0.1:1");
  const allows = (parameters: URLSearchParams) => open().allows(BLOB, "read", parameters, clock.now());

  beforeEach(() => {
    folder = temporaryFolder();
    keyFile = join(folder, "signing.key");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("is made once, for this user only; what it signed is valid after a restart", () => {
    const { searchParams } = new URL(open().url(BLOB, "read", 60));
    expect(allows(searchParams)).toBe(true);
    expect(statSync(keyFile).size).toBe(32);
    if (process.platform !== "win32") expect(statSync(keyFile).mode & 0o077).toBe(0);
  });

  test("is never there in part: it takes its name when it is whole", () => {
    mkdirSync(`${keyFile}.new`);
    expect(open).toThrow();
    expect(statSync(keyFile, { throwIfNoEntry: false })).toBeUndefined();
  });

  test.each([0, 31])("one of %i bytes, left by a death on the way, signs nothing and is replaced", (bytes) => {
    const left = Buffer.alloc(bytes);
    writeFileSync(keyFile, left);
    const expires = String(clock.now() / 1_000 + 60);
    const signature = createHmac("sha256", left).update(["read", expires, BLOB].join("\n")).digest("base64url");
    expect(allows(new URLSearchParams({ access: "read", expires, signature }))).toBe(false);
    expect(readFileSync(keyFile)).toHaveLength(32);
    const { searchParams } = new URL(open().url(BLOB, "read", 60));
    expect(allows(searchParams)).toBe(true);
  });
});
