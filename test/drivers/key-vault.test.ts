import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreUnavailable } from "../../shared/stores/errors.ts";
import { secretStoreContract } from "../contract/secret-store.contract.ts";
import { ManualClock } from "./embedded-fixture.ts";
import { type FakeVault, startVault } from "./support/key-vault.ts";

secretStoreContract("Azure Key Vault, its protocol over TLS", async () => {
  const vault = await startVault();
  const clock = new ManualClock();
  return { secrets: vault.open(clock), another: async () => vault.open(clock), close: () => vault.close() };
});

describe("secrets in Key Vault", () => {
  let vault: FakeVault;
  let clock: ManualClock;

  beforeEach(async () => {
    vault = await startVault();
    clock = new ManualClock();
  });
  afterEach(() => vault.close());

  const gets = () => vault.asked.filter((it) => it.startsWith("GET /secrets/")).length;

  test("get: asks the vault once in five minutes, also for callers that come together", async () => {
    await vault.open(clock).set("key", "value");
    const secrets = vault.open(clock);
    expect(await Promise.all(Array.from({ length: 10 }, () => secrets.get("key")))).toEqual(Array(10).fill("value"));
    clock.pass(299);
    await secrets.get("key");
    expect(gets()).toBe(1);
    clock.pass(1);
    await secrets.get("key");
    expect(gets()).toBe(2);
  });

  test("get: a value that was rotated elsewhere counts after five minutes, without a restart", async () => {
    const [here, elsewhere] = [vault.open(clock), vault.open(clock)];
    await here.set("key", "old");
    expect(await elsewhere.get("key")).toBe("old");
    await here.set("key", "new");
    expect(await here.get("key")).toBe("new");
    clock.pass(300);
    expect(await elsewhere.get("key")).toBe("new");
  });

  test("get: absence is not remembered", async () => {
    const [here, elsewhere] = [vault.open(clock), vault.open(clock)];
    expect(await elsewhere.get("key")).toBeUndefined();
    await here.set("key", "value");
    expect(await elsewhere.get("key")).toBe("value");
  });

  test("get: a vault that throttles is asked again", async () => {
    const secrets = vault.open(clock);
    await secrets.set("key", "value");
    vault.fail(2, 429);
    expect(await secrets.get("key")).toBe("value");
  });

  test("get: a value that is known counts fifteen minutes without the vault, then its failure is told", async () => {
    const secrets = vault.open(clock);
    await secrets.set("key", "value");
    await secrets.get("key");
    vault.fail(Number.POSITIVE_INFINITY, 503, 60);
    clock.pass(14 * 60);
    expect(await secrets.get("key")).toBe("value");
    clock.pass(60);
    await expect(secrets.get("key")).rejects.toBeInstanceOf(StoreUnavailable);
  });

  test("get: what the vault forbids is neither absence nor an outage", async () => {
    const secrets = vault.open(clock);
    await secrets.set("key", "value");
    vault.fail(1, 403);
    const refused = secrets.get("key");
    await expect(refused).rejects.toThrow(/of the vault/);
    await expect(refused).rejects.not.toBeInstanceOf(StoreUnavailable);
  });

  test("remove: the vault keeps it recoverable, and setting it again is a new version of it", async () => {
    const secrets = vault.open(clock);
    await secrets.set("key", "first");
    await secrets.remove("key");
    await secrets.set("key", "second");
    expect(vault.asked).toContain("POST /deletedsecrets/key/recover");
    expect(await vault.open(clock).get("key")).toBe("second");
  });
});
