import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deleteSecret, listSecrets, readSecret, setSecret } from "../../shared/domain/secrets.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { type DomainFixture, domainFixture, Power, survives } from "./support.ts";

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
