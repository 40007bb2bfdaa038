import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createKey, dismissMember, holderOfKey, listKeys, revokeKey } from "../../../shared/domain/access/keys.ts";
import { putMember } from "../../../shared/domain/access/members.ts";
import { provideOwnerKey } from "../../../shared/domain/access/owner-key.ts";
import { readSecret } from "../../../shared/domain/access/secrets.ts";
import type { Workspace } from "../../../shared/domain/workspace.ts";
import { openWorkspace } from "../../../shared/domain/workspaces.ts";
import { DAY, type DomainFixture, domainFixture, refusal, SECOND, withColdMemory } from "../support.ts";
import { countingReads } from "./counting-reads.ts";

let fixture: DomainFixture;
let workspace: Workspace;

beforeAll(() => {
  fixture = domainFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  workspace = await fixture.freshWorkspace();
  await putMember(workspace, "ada", "contributor", "test");
});

const make = (more: object = {}) => createKey(workspace, { name: "k", member: "ada", createdBy: "test", ...more });
const holder = (secret: string, at = workspace) => holderOfKey(at, readSecret(secret)!);

/** What the store holds, as text. */
async function stored(): Promise<string> {
  const texts: string[] = [];
  for await (const page of workspace.stores.documents.catalog.list(workspace.id)) texts.push(JSON.stringify(page));
  return texts.join();
}

describe("API keys (A10)", () => {
  test("createKey: gives a key that scanners know, and stores nothing of it", async () => {
    const { secret, key } = await make();
    expect(secret).toMatch(/^cairn_key_w[0-9a-f]{16}_[0-9a-f]{64}$/);
    expect(await stored()).not.toContain(secret.slice(-64));
    expect(JSON.stringify(await listKeys(workspace))).not.toContain(secret.slice(-64));
    expect(await holder(secret)).toEqual({ keyId: key.id, member: "ada", role: "contributor" });
  });

  test("createKey: two keys are never alike", async () => {
    expect((await make()).secret).not.toBe((await make()).secret);
  });

  test("createKey: a role below the member's limits the key, one above is refused", async () => {
    expect(await holder((await make({ role: "reader" })).secret)).toMatchObject({ role: "reader" });
    await expect(make({ role: "owner" })).rejects.toEqual(refusal("InvalidParameter", /above its member's/));
    await expect(make({ member: "nobody" })).rejects.toEqual(refusal("NotFound"));
  });

  test("holderOfKey: follows the member's role down, and up to the key's", async () => {
    const { secret } = await make();
    const limited = await make({ role: "contributor" });
    await putMember(workspace, "ada", "reader", "test");
    expect(await holder(secret)).toMatchObject({ role: "reader" });
    expect(await holder(limited.secret)).toMatchObject({ role: "reader" });
    await putMember(workspace, "ada", "owner", "test");
    expect(await holder(secret)).toMatchObject({ role: "owner" });
    expect(await holder(limited.secret)).toMatchObject({ role: "contributor" });
  });

  test("holderOfKey: an expired key is nobody's, to the millisecond", async () => {
    const { secret } = await make({ expiresMs: fixture.clock.now() + DAY });
    fixture.clock.pass(DAY - 1);
    expect(await holder(secret)).toBeDefined();
    fixture.clock.pass(1);
    expect(await holder(secret)).toBeUndefined();
    expect(await listKeys(workspace)).toHaveLength(1);
  });

  test("holderOfKey: one changed digit, another workspace, another kind: nobody's", async () => {
    const { secret } = await make();
    const other = await fixture.freshWorkspace();
    const last = secret.endsWith("0") ? "1" : "0";
    expect(await holder(secret.slice(0, -1) + last)).toBeUndefined();
    expect(await holder(secret, other)).toBeUndefined();
    expect(readSecret(secret.toUpperCase())).toBeUndefined();
    expect(readSecret(`${secret} `)).toBeUndefined();
    expect(readSecret(secret.replace("_key_", "_run_"))).not.toMatchObject({ hash: readSecret(secret)!.hash });
  });

  test("revokeKey: the key is out at once here, and within 30 s in another process", async () => {
    const elsewhere = withColdMemory(workspace);
    const { secret, key } = await make();
    expect(await holder(secret, elsewhere)).toBeDefined();
    expect(await holder(secret)).toBeDefined();
    await revokeKey(workspace, key.id);
    expect(await holder(secret)).toBeUndefined();
    expect(await holder(secret, elsewhere)).toBeDefined();
    fixture.clock.pass(30 * SECOND);
    expect(await holder(secret, elsewhere)).toBeUndefined();
    await expect(revokeKey(workspace, key.id)).rejects.toEqual(refusal("NotFound"));
  });

  test.each([-DAY, DAY])(
    "revokeKey: counts in another process within 30 s, though the clock is set by %i ms",
    async (jump) => {
      const elsewhere = withColdMemory(workspace);
      const { secret, key } = await make();
      expect(await holder(secret, elsewhere)).toBeDefined();
      await revokeKey(workspace, key.id);
      fixture.clock.nowMs += jump;
      fixture.clock.pass(29 * SECOND);
      expect(await holder(secret, elsewhere)).toBeDefined();
      fixture.clock.pass(SECOND);
      expect(await holder(secret, elsewhere)).toBeUndefined();
    },
  );

  test("revokeKey: a look-up that began before the revocation is not remembered", async () => {
    const { secret, key } = await make();
    const { catalog } = workspace.stores.documents;
    const { promise: mayAnswer, resolve: answerNow } = Promise.withResolvers<void>();
    const slow = Object.assign(Object.create(catalog), {
      async get(partition: string, id: string) {
        const found = await catalog.get(partition, id);
        await mayAnswer;
        return found;
      },
    });
    const slowly = {
      ...workspace,
      stores: { ...workspace.stores, documents: { ...workspace.stores.documents, catalog: slow } },
    };
    const early = holder(secret, slowly);
    await revokeKey(workspace, key.id);
    answerNow();
    await early;
    expect(await holder(secret)).toBeUndefined();
  });

  test("holderOfKey: a key in use is read from the store once in 30 s", async () => {
    const { secret } = await make();
    const { counted, reads } = countingReads(workspace);
    for (let i = 0; i < 100; i++) await holder(secret, counted);
    expect(reads()).toBe(2);
    fixture.clock.pass(30 * SECOND);
    await holder(secret, counted);
    expect(reads()).toBe(4);
  });

  test("holderOfKey: its last use is noted, once an hour", async () => {
    const { secret } = await make();
    const usedMs = fixture.clock.now();
    await holder(secret);
    fixture.clock.pass(1800 * SECOND);
    await holder(secret);
    expect(await listKeys(workspace)).toMatchObject([{ lastUsedMs: usedMs }]);
    fixture.clock.pass(1801 * SECOND);
    await holder(secret);
    expect(await listKeys(workspace)).toMatchObject([{ lastUsedMs: usedMs + 3601 * SECOND }]);
  });

  test("dismissMember: takes the keys along; who comes back does not get them back", async () => {
    await putMember(workspace, "boss", "owner", "test");
    const { secret } = await make();
    expect(await holder(secret)).toBeDefined();
    const elsewhere = withColdMemory(workspace);
    expect(await holder(secret, elsewhere)).toBeDefined();
    await dismissMember(workspace, "ada");
    expect(await holder(secret)).toBeUndefined();
    expect(await listKeys(workspace)).toEqual([]);
    await putMember(workspace, "ada", "owner", "test");
    expect(await holder(secret)).toBeUndefined();
    fixture.clock.pass(30 * SECOND);
    expect(await holder(secret, elsewhere)).toBeUndefined();
  });
});

describe("the owner's key of the local host (A10)", () => {
  test("provideOwnerKey: is given once; a new one revokes the old", async () => {
    const first = await provideOwnerKey(fixture.realm, false);
    expect(first).toMatch(/^cairn_key_/);
    const home = await openWorkspace(fixture.realm, "default");
    expect(await holder(first!, home)).toMatchObject({ member: "owner", role: "owner" });
    expect(await provideOwnerKey(fixture.realm, false)).toBeUndefined();
    const second = await provideOwnerKey(fixture.realm, true);
    expect(await holder(first!, home)).toBeUndefined();
    expect(await holder(second!, home)).toMatchObject({ role: "owner" });
    expect(await provideOwnerKey(fixture.realm, false)).toBeUndefined();
  });

  test("provideOwnerKey: keys of others, of lower roles or expired do not count", async () => {
    const fresh = domainFixture(7);
    try {
      const home = await openWorkspace(fresh.realm, "default");
      await putMember(home, "ada", "owner", "test");
      const key = { name: "k", member: "ada", createdBy: "test" };
      await createKey(home, { ...key, role: "contributor" });
      await createKey(home, { ...key, expiresMs: fresh.clock.now() });
      expect(await provideOwnerKey(fresh.realm, false)).toBeDefined();
      expect((await listKeys(home)).filter(({ member }) => member === "ada")).toHaveLength(2);
    } finally {
      await fresh.close();
    }
  });
});
