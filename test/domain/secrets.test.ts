import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deleteSecret, listSecrets, readSecret, setSecret } from "../../shared/domain/secrets.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { otherProcess } from "./other-process.ts";
import { type DomainFixture, domainFixture, Power, refusal, survives, withEachWrite } from "./support.ts";

let fixture: DomainFixture;
let workspace: Workspace;

beforeAll(async () => {
  fixture = domainFixture();
  workspace = await fixture.freshWorkspace();
});
afterAll(() => fixture.close());

/** Runs `act` on a workspace that dies at each of its writes in turn, before and after the write took place. */
async function killedAtEveryWrite(act: (dying: Workspace) => Promise<unknown>, check: () => Promise<void>) {
  for (const reachesStore of [false, true]) {
    for (let write = 1, survived = false; !survived; write++) {
      const power = new Power();
      power.failAt(write, reachesStore);
      survived = await survives(() => act({ ...workspace, stores: power.feed(workspace.stores) }));
      await check();
    }
  }
}

/** Whatever is listed has a value. */
async function expectReadable(values: readonly string[]) {
  for (const { name } of await listSecrets(workspace)) expect(values).toContain(await readSecret(workspace, name));
}

describe("secrets, killed at every write", () => {
  test("a new one: is there whole or not at all, and can be set again", async () => {
    await killedAtEveryWrite(
      (dying) => setSecret(dying, "new", "value", "ada"),
      async () => {
        await expectReadable(["value"]);
        await setSecret(workspace, "new", "again", "ada");
        expect(await readSecret(workspace, "new")).toBe("again");
        await deleteSecret(workspace, "new");
      },
    );
  });

  test("a rotation: the value is the old or the new one", async () => {
    await setSecret(workspace, "rotated", "old", "ada");
    await killedAtEveryWrite(
      (dying) => setSecret(dying, "rotated", "new", "ada"),
      () => expectReadable(["old", "new"]),
    );
    await deleteSecret(workspace, "rotated");
  });

  test("a deletion: it is whole or gone", async () => {
    await killedAtEveryWrite(
      async (dying) => {
        await setSecret(workspace, "gone", "value", "ada");
        await deleteSecret(dying, "gone");
      },
      () => expectReadable(["value"]),
    );
    expect(await listSecrets(workspace)).toEqual([]);
  });
});

describe("secrets, with another process faster", () => {
  let other: Awaited<ReturnType<typeof otherProcess>>;
  let workspace: Workspace;
  let far: Workspace;

  beforeAll(async () => {
    other = await otherProcess();
    workspace = await fixture.freshWorkspace();
    far = { ...workspace, memory: new other.Memory() };
  });

  /** The workspace in which `meanwhile` happens elsewhere once the first value has been put into the store. */
  function overtaken(meanwhile: () => Promise<unknown>): Workspace {
    let isOver = false;
    const stores = withEachWrite(workspace.stores, async (write) => {
      const result = await write();
      if (!isOver) {
        isOver = true;
        await meanwhile();
      }
      return result;
    });
    return { ...workspace, stores };
  }

  const values = () => workspace.stores.secrets!.names(`ws-${workspace.id}-`);

  test.each<[title: string, before: string | undefined, meanwhile: () => Promise<unknown>]>([
    ["made by both", undefined, () => other.setSecret(far, "raced", "theirs", "bob")],
    ["rotated by both", "old", () => other.setSecret(far, "raced", "theirs", "bob")],
    ["rotated here and deleted there", "old", () => other.deleteSecret(far, "raced")],
  ])(
    "setSecret: one that is %s has the later value, and no other is left in the store",
    async (_, before, meanwhile) => {
      if (before !== undefined) await setSecret(workspace, "raced", before, "ada");
      await setSecret(overtaken(meanwhile), "raced", "ours", "ada");
      expect(await readSecret(workspace, "raced")).toBe("ours");
      expect(await values()).toHaveLength(1);
      await deleteSecret(workspace, "raced");
      expect(await values()).toEqual([]);
    },
  );

  test("readSecret: one whose value has gone meanwhile is not found", async () => {
    await setSecret(workspace, "going", "value", "ada");
    for (const key of await values()) await workspace.stores.secrets!.remove(key);
    await expect(readSecret(workspace, "going")).rejects.toEqual(refusal("NotFound", /'going'/));
    await deleteSecret(workspace, "going");
  });
});

test("listSecrets: in order of name, without regard to case", async () => {
  const names = ["alpha", "Beta", "delta", "EPSILON", "gamma", "Zeta"];
  for (const name of [...names].reverse()) await setSecret(workspace, name, "value", "ada");
  expect((await listSecrets(workspace)).map(({ name }) => name)).toEqual(names);
  for (const name of names) await deleteSecret(workspace, name);
});
