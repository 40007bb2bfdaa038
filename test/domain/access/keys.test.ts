import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readCredential } from "../../../shared/domain/access/credentials.ts";
import { createKey, dismissMember, holderOfKey, listKeys, revokeKey } from "../../../shared/domain/access/keys.ts";
import { listMembers, putMember } from "../../../shared/domain/access/members.ts";
import { listEvents } from "../../../shared/domain/events/events.ts";
import { Memory } from "../../../shared/domain/memory.ts";
import type { Workspace } from "../../../shared/domain/workspace.ts";
import { openWorkspace } from "../../../shared/domain/workspaces.ts";
import { ownerKey } from "../../setup/owner-key.ts";
import {
  DAY,
  type DomainFixture,
  domainFixture,
  Power,
  raceOf,
  refusal,
  SECOND,
  survives,
  withColdMemory,
} from "../support.ts";
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
const holder = (secret: string, at = workspace) => holderOfKey(at, readCredential(secret)!);

/** What the store holds, as text. */
async function stored(): Promise<string> {
  const texts: string[] = [];
  for await (const page of workspace.stores.documents.catalog.list(workspace.id)) texts.push(JSON.stringify(page));
  return texts.join();
}

describe("API keys", () => {
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
    expect(readCredential(secret.toUpperCase())).toBeUndefined();
    expect(readCredential(`${secret} `)).toBeUndefined();
    expect(readCredential(secret.replace("_key_", "_run_"))).not.toMatchObject({ hash: readCredential(secret)!.hash });
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

describe("how many keys there may be", () => {
  const many = (count: number, more: object = {}) => Promise.all(Array.from({ length: count }, () => make(more)));

  test("createKey: a member has at most 100, also made at once; others are not in their way", async () => {
    await putMember(workspace, "bob", "owner", "test");
    const { winners, refusals } = await raceOf(Array.from({ length: 110 }, () => make()));
    expect([winners.length, refusals.length, new Set(refusals)]).toEqual([100, 10, new Set(["InvalidState"])]);
    await expect(make()).rejects.toEqual(refusal("InvalidState", /'ada' has 100 keys already/));
    await many(100, { member: "bob" });
  });

  test("createKey: expired and revoked keys do not count, though expired ones are shown for a while", async () => {
    await many(99, { expiresMs: fixture.clock.now() + DAY });
    const { key } = await make();
    await expect(make()).rejects.toEqual(refusal("InvalidState"));
    await revokeKey(workspace, key.id);
    await make();
    fixture.clock.pass(DAY);
    await many(99);
    expect(await listKeys(workspace)).toHaveLength(199);
    await expect(make()).rejects.toEqual(refusal("InvalidState"));
  });
});

describe("the owner's key of the local host", () => {
  let fresh: DomainFixture;
  let home: Workspace;

  beforeEach(async () => {
    fresh = domainFixture(7);
    home = await openWorkspace(fresh.realm, "default");
  });
  afterEach(() => fresh.close());

  const eventsOfHost = async () => (await listEvents(home, { action: "owner_key_made", pageSize: 100 })).events;

  test("provideOwnerKey: is given once; a new one takes the place of the old; each leaves an event", async () => {
    const first = await ownerKey(fresh.realm);
    expect(first).toMatch(/^cairn_key_/);
    expect(await holder(first!, home)).toMatchObject({ member: "owner", role: "owner" });
    expect(await ownerKey(fresh.realm)).toBeUndefined();
    const second = await ownerKey(fresh.realm, { replace: true });
    expect(await holder(first!, home)).toBeUndefined();
    expect(await holder(second!, home)).toMatchObject({ role: "owner" });
    expect(await listKeys(home)).toHaveLength(1);
    expect(await ownerKey(fresh.realm)).toBeUndefined();
    const { id: keyId } = readCredential(second!)!;
    expect(await eventsOfHost()).toHaveLength(2);
    expect(await eventsOfHost()).toContainEqual(
      expect.objectContaining({
        outcome: "allowed",
        caller: { kind: "host", id: "(local host)" },
        resources: { member: "owner", keyId },
      }),
    );
  });

  test("provideOwnerKey: an owner who was removed does not come back, but when asked for", async () => {
    const first = await ownerKey(fresh.realm);
    await putMember(home, "ada", "owner", "test");
    await dismissMember(home, "owner");
    expect(await ownerKey(fresh.realm)).toBeUndefined();
    expect((await listMembers(home)).map(({ id }) => id)).toEqual(["ada"]);
    const asked = await ownerKey(fresh.realm, { replace: true });
    expect(await holder(asked!, home)).toMatchObject({ role: "owner" });
    expect(await holder(first!, home)).toBeUndefined();
  });

  test("provideOwnerKey: where the settings name owners there is none, but when asked for", async () => {
    expect(await ownerKey(fresh.realm, { hasConfiguredOwners: true })).toBeUndefined();
    expect([await listMembers(home), await eventsOfHost()]).toEqual([[], []]);
    expect(await ownerKey(fresh.realm, { hasConfiguredOwners: true, replace: true })).toBeDefined();
  });

  test("provideOwnerKey: members who are no owners do not keep the first one out", async () => {
    await putMember(home, "ada", "contributor", "test");
    expect(await ownerKey(fresh.realm)).toBeDefined();
  });

  test("provideOwnerKey: one that nobody can have seen is not made", async () => {
    expect(await ownerKey(fresh.realm, { show: () => false })).toBeUndefined();
    expect([await listMembers(home), await listKeys(home)]).toEqual([[], []]);
    expect(await ownerKey(fresh.realm)).toBeDefined();
  });

  test("provideOwnerKey: as many keys as a member may have are not in its way", async () => {
    await ownerKey(fresh.realm);
    const key = { name: "k", member: "owner", createdBy: "owner" };
    for (let i = 0; i < 99; i++) await createKey(home, key);
    await expect(createKey(home, key)).rejects.toEqual(refusal("InvalidState"));
    const asked = await ownerKey(fresh.realm, { replace: true });
    expect(await holder(asked!, home)).toMatchObject({ role: "owner" });
    expect(await listKeys(home)).toHaveLength(100);
  });

  describe.each([
    ["the first", false],
    ["a new one", true],
  ])("provideOwnerKey: %s, dead at any write", (_, replace) => {
    /** What opens the workspace after a death at that write: the key of before, what was shown, what the next start shows. */
    async function openAfter(write: number, reachesStore: boolean): Promise<{ survived: boolean; open: string[] }> {
      const { realm } = fresh;
      const keys: Record<string, string | undefined> = { before: replace ? await ownerKey(realm) : undefined };
      const power = new Power();
      power.failAt(write, reachesStore);
      const show = (key: string) => {
        keys.shown = key;
        return true;
      };
      const survived = await survives(() =>
        ownerKey({ ...realm, memory: new Memory(), stores: power.feed(realm.stores) }, { replace, show }),
      );
      keys.next = await ownerKey({ ...realm, memory: new Memory() });
      const open: string[] = [];
      for (const [which, key] of Object.entries(keys))
        if (key && (await holder(key, withColdMemory(home)))) open.push(which);
      return { survived, open };
    }

    test.each([
      [1, false],
      [1, true],
      [2, false],
      [2, true],
      [3, false],
    ])("write %i, carried out: %s: one key opens that somebody has seen", async (write, reachesStore) => {
      const { survived, open } = await openAfter(write, reachesStore);
      const isStored = write > 2 || (write === 2 && reachesStore);
      expect([survived, open]).toEqual([write > 2, [isStored ? "shown" : replace ? "before" : "next"]]);
    });
  });
});
