import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SecretFiles, SecretsUnreadable } from "../../shared/drivers/files/secret-files.ts";
import { secretStoreContract } from "../contract/secret-store.contract.ts";
import { temporaryFolder } from "./embedded-fixture.ts";

const open = (folder: string, durable = false) =>
  new SecretFiles({ folder: join(folder, "secrets"), keyFile: join(folder, "secrets.key"), durable });

for (const durable of [false, true]) {
  secretStoreContract(`encrypted files${durable ? ", durable" : ""}`, async () => {
    const folder = temporaryFolder();
    return {
      secrets: open(folder, durable),
      another: async () => open(folder, durable),
      close: async () => rmSync(folder, { recursive: true }),
    };
  });
}

describe("secrets in encrypted files", () => {
  let folder: string;
  const file = (name: string) => join(folder, "secrets", name);
  const keyFile = () => join(folder, "secrets.key");

  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("files: no value is in any of them, and only this user may read them", async () => {
    await open(folder).set("key", "a-value-to-look-for");
    for (const path of [file("key"), keyFile()]) {
      expect(readFileSync(path).includes("a-value-to-look-for")).toBe(false);
      if (process.platform !== "win32") expect(statSync(path).mode & 0o777).toBe(0o600);
    }
  });

  test("files: the same value twice looks different", async () => {
    await open(folder).set("one", "value");
    await open(folder).set("two", "value");
    expect(readFileSync(file("one")).equals(readFileSync(file("two")))).toBe(false);
  });

  test("get: a changed file, at any byte, a shortened and an exchanged one are refused", async () => {
    const secrets = open(folder);
    await secrets.set("key", "value");
    await secrets.set("other", "value");
    const whole = readFileSync(file("key"));
    for (let i = 0; i < whole.length; i++) {
      const changed = Buffer.from(whole);
      changed[i]! ^= 1;
      writeFileSync(file("key"), changed);
      await expect(secrets.get("key"), `byte ${i}`).rejects.toBeInstanceOf(SecretsUnreadable);
    }
    for (const bytes of [Buffer.alloc(0), whole.subarray(0, 20), whole.subarray(0, -1)]) {
      writeFileSync(file("key"), bytes);
      await expect(secrets.get("key")).rejects.toBeInstanceOf(SecretsUnreadable);
    }
    copyFileSync(file("other"), file("key"));
    await expect(secrets.get("key")).rejects.toBeInstanceOf(SecretsUnreadable);
  });

  test.skipIf(process.platform === "win32")("key: one that others may read is refused, with what to do", async () => {
    await open(folder).set("key", "value");
    chmodSync(keyFile(), 0o640);
    await expect(open(folder).get("key")).rejects.toThrow(`chmod 600 ${keyFile()}`);
  });

  test("key: a lost one is not replaced while there are secrets under it", async () => {
    await open(folder).set("key", "value");
    rmSync(keyFile());
    await expect(open(folder).get("key")).rejects.toThrow("is gone");
    await expect(open(folder).set("new", "value")).rejects.toThrow("is gone");
  });

  test("key: one that was cut off is refused", async () => {
    await open(folder).set("key", "value");
    writeFileSync(keyFile(), "short");
    await expect(open(folder).get("key")).rejects.toBeInstanceOf(SecretsUnreadable);
  });

  test("set: loses nothing to a sweep beside it", async () => {
    const secrets = open(folder);
    const sweeps = (async () => {
      for (let i = 0; i < 200; i++) await secrets.sweep();
    })();
    for (let i = 0; i < 30; i++) await secrets.set(`key-${i}`, "value");
    await sweeps;
    expect(await secrets.names("")).toHaveLength(30);
  });

  test("set: what a killed process left unfinished is no secret, and is swept away", async () => {
    const secrets = open(folder);
    await secrets.set("key", "value");
    writeFileSync(file("key.0123456789ab.new"), "unfinished");
    expect(await secrets.names("")).toEqual(["key"]);
    await secrets.sweep();
    expect(readdirSync(join(folder, "secrets"))).toEqual(["key"]);
    expect(await secrets.get("key")).toBe("value");
  });
});
