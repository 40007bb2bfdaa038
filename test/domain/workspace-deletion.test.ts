import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKey, revokeKey } from "../../shared/domain/access/keys.ts";
import { putMember, removeMember } from "../../shared/domain/access/members.ts";
import { artifactBlob } from "../../shared/domain/artifacts.ts";
import {
  createExperiment,
  deleteExperiment,
  deleteExperimentTag,
  setExperimentTag,
} from "../../shared/domain/experiments.ts";
import { createLoggedModel, deleteLoggedModel } from "../../shared/domain/logged-models/models.ts";
import { Memory } from "../../shared/domain/memory.ts";
import { handlePurge } from "../../shared/domain/purge/background.ts";
import { purgeExperiment, purgeRecord } from "../../shared/domain/purge/purge.ts";
import { PURGE_QUEUE } from "../../shared/domain/queues.ts";
import { createRegisteredModel, deleteRegisteredModel } from "../../shared/domain/registry/models.ts";
import { createRun, deleteRun } from "../../shared/domain/runs/runs.ts";
import { deleteSecret, setSecret } from "../../shared/domain/secrets.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { confirmWorkspace, deleteEmptyWorkspace } from "../../shared/domain/workspace-closing.ts";
import {
  createWorkspace,
  getWorkspace,
  listWorkspaces,
  openWorkspace,
  type Realm,
} from "../../shared/domain/workspaces.ts";
import type { Stores } from "../../shared/stores/stores.ts";
import { type DomainFixture, domainFixture, Power, refusal, SECOND, survives } from "./support.ts";

let fixture: DomainFixture;
let made = 0;

beforeAll(() => {
  fixture = domainFixture();
});
afterAll(() => fixture.close());

/** An instance of its own over these stores. */
const instance = (stores: Stores = fixture.stores): Realm => ({ ...fixture.realm, stores, memory: new Memory() });

async function newWorkspace(): Promise<Workspace> {
  const name = `gone-${++made}`;
  const realm = instance();
  await createWorkspace(realm, name, "");
  const workspace = await openWorkspace(realm, name);
  await putMember(workspace, "ada", "owner", "ada");
  return workspace;
}

async function drain(): Promise<void> {
  for (;;) {
    const [message] = await fixture.stores.queue.receive(PURGE_QUEUE.name, 1, 30);
    if (!message) return;
    await handlePurge(instance(), JSON.parse(message.body));
    await fixture.stores.queue.remove(PURGE_QUEUE.name, message);
  }
}

async function anHour(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await drain();
    fixture.clock.pass(15 * 60 * SECOND);
  }
}

/** What people make in a workspace, the word for it, and how it goes again. */
const MAKINGS: Record<string, (workspace: Workspace) => Promise<() => Promise<unknown>>> = {
  experiments: async (workspace) => {
    const id = await createExperiment(workspace, { name: `e${fixture.clock.nowMs}` });
    return async () => {
      await deleteExperiment(workspace, id);
      await purgeExperiment(workspace, id);
    };
  },
  "experiments by a tag on Default": async (workspace) => {
    await setExperimentTag(workspace, "0", { key: "k", value: "v" });
    return () => deleteExperimentTag(workspace, "0", "k");
  },
  runs: async (workspace) => {
    const { runId } = (await createRun(workspace, { experimentId: "0", userId: "u", tags: [] })).view.attributes;
    return async () => {
      await deleteRun(workspace, runId);
      await purgeRecord(workspace, "run", runId);
    };
  },
  "logged models": async (workspace) => {
    const { modelId } = (await createLoggedModel(workspace, { experimentId: "0", params: [], tags: [] })).view
      .attributes;
    return async () => {
      await deleteLoggedModel(workspace, modelId);
      await purgeRecord(workspace, "model", modelId);
    };
  },
  "registered models": async (workspace) => {
    const name = `m${fixture.clock.nowMs}`;
    await createRegisteredModel(workspace, { name, tags: [] });
    return () => deleteRegisteredModel(workspace, name);
  },
  artifacts: async (workspace) => {
    const blob = artifactBlob(workspace, `some/file-${fixture.clock.nowMs}`);
    await workspace.stores.blobs.put(blob, Buffer.from("content"));
    return () => workspace.stores.blobs.remove(blob);
  },
  secrets: async (workspace) => {
    await setSecret(workspace, "s", "value", "ada");
    return () => deleteSecret(workspace, "s");
  },
  members: async (workspace) => {
    await putMember(workspace, "ben", "reader", "ada");
    return () => removeMember(workspace, "ben");
  },
  keys: async (workspace) => {
    const { key } = await createKey(workspace, { name: "k", member: "ada", createdBy: "ada" });
    return () => revokeKey(workspace, key.id);
  },
};
const KINDS = Object.keys(MAKINGS);
const wordOf = (kind: string): string => kind.split(" by ")[0]!;

describe("delete a workspace if it is empty", () => {
  it.each(KINDS)("refuses one with %s, and names them; without them it goes", async (kind) => {
    const workspace = await newWorkspace();
    const unmake = await MAKINGS[kind]!(workspace);
    const message = new RegExp(`'${workspace.name}' is not empty: it has [a-z, ]*${wordOf(kind)}`);
    await expect(deleteEmptyWorkspace(instance(), workspace.name)).rejects.toEqual(refusal("InvalidState", message));
    expect((await getWorkspace(instance(), workspace.name)).id).toBe(workspace.id);
    await unmake();
    await deleteEmptyWorkspace(instance(), workspace.name);
    await expect(getWorkspace(instance(), workspace.name)).rejects.toEqual(refusal("NotFound"));
  });

  it("counts what is soft-deleted, too", async () => {
    const workspace = await newWorkspace();
    const { runId } = (await createRun(workspace, { experimentId: "0", userId: "u", tags: [] })).view.attributes;
    await deleteRun(workspace, runId);
    await expect(deleteEmptyWorkspace(instance(), workspace.name)).rejects.toEqual(refusal("InvalidState", /runs/));
  });

  it("random rounds: it goes when, and only when, nothing is left", async () => {
    const step = fc.record({ kind: fc.constantFrom(...KINDS), goes: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const workspace = await newWorkspace();
        const there = new Map<string, () => Promise<unknown>>();
        for (const { kind, goes } of steps) {
          fixture.clock.pass(1);
          const unmake = there.get(kind);
          if (!goes && !unmake) there.set(kind, await MAKINGS[kind]!(workspace));
          if (goes && unmake) await unmake();
          if (goes) there.delete(kind);
        }
        await drain();
        const deleting = deleteEmptyWorkspace(instance(), workspace.name);
        if (there.size === 0) return void (await deleting);
        const words = [...new Set([...there.keys()].map(wordOf))];
        const error = await deleting.then(
          () => undefined,
          (refused: { code: string; message: string }) => refused,
        );
        expect(error?.code).toBe("InvalidState");
        expect(/it has (.*)\. Delete/.exec(error!.message)![1]!.split(", ").sort()).toEqual(words.sort());
        expect((await getWorkspace(instance(), workspace.name)).id).toBe(workspace.id);
      }),
      { numRuns: 40 },
    );
  });
});

/** The same stores; before the `at`th call of any method `meanwhile` happens, once. */
function interrupted(at: number, meanwhile: () => Promise<unknown>): { stores: Stores; wasReached: () => boolean } {
  let calls = 0;
  const count = async () => {
    if (++calls === at) await meanwhile();
  };
  const wrap = <S extends object>(store: S): S =>
    new Proxy(store, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...values: unknown[]) => unknown;
        if (name === "list") {
          return async function* (...values: unknown[]) {
            await count();
            yield* method.apply(target, values) as AsyncIterable<unknown>;
          };
        }
        return async (...values: unknown[]) => {
          await count();
          return method.apply(target, values);
        };
      },
    });
  const { documents, blobs, queue, secrets } = fixture.stores;
  const { runs, catalog, events } = documents;
  return {
    stores: {
      documents: { runs: wrap(runs), catalog: wrap(catalog), events },
      blobs: wrap(blobs),
      queue: wrap(queue),
      secrets: secrets && wrap(secrets),
    },
    wasReached: () => calls >= at,
  };
}

describe("somebody makes the first thing while the workspace is deleted because it is empty", () => {
  const making = async (realm: Realm, { id, name }: Workspace, kind: string): Promise<boolean> => {
    const workspace: Workspace = { ...realm, id, name };
    return MAKINGS[kind]!(workspace)
      .then(() => confirmWorkspace(realm, workspace))
      .then(
        () => true,
        (error) => {
          expect(error).toEqual(refusal("NotFound"));
          return false;
        },
      );
  };
  const deleting = async (realm: Realm, name: string): Promise<boolean> =>
    deleteEmptyWorkspace(realm, name).then(
      () => true,
      (error) => {
        expect(error).toEqual(refusal("InvalidState"));
        return false;
      },
    );

  it.each(["experiments", "runs", "registered models", "secrets", "artifacts", "members"])(
    "%s: one of the two is told, at every moment of both",
    async (kind) => {
      for (const inner of ["making", "deleting"] as const) {
        for (let at = 1, reached = true; reached; at++) {
          const workspace = await newWorkspace();
          const outcome = { making: false, deleting: false };
          const meanwhile = async () => {
            if (inner === "making") outcome.making = await making(instance(), workspace, kind);
            else outcome.deleting = await deleting(instance(), workspace.name);
          };
          const { stores, wasReached } = interrupted(at, meanwhile);
          if (inner === "making") outcome.deleting = await deleting(instance(stores), workspace.name);
          else outcome.making = await making(instance(stores), workspace, kind);
          reached = wasReached();
          if (!reached) await meanwhile();
          expect([at, inner, outcome.making !== outcome.deleting]).toEqual([at, inner, true]);
          const isThere = (await listWorkspaces(instance())).some(({ name }) => name === workspace.name);
          expect([at, inner, isThere]).toEqual([at, inner, outcome.making]);
        }
      }
    },
  );

  it("a death at any write leaves a workspace that is gone, or open within a minute; nobody finds half of it", async () => {
    for (let write = 1, survived = false; !survived; write++) {
      for (const reachesStore of [false, true]) {
        const workspace = await newWorkspace();
        const power = new Power();
        power.failAt(write, reachesStore);
        survived = await survives(() => deleteEmptyWorkspace(instance(power.feed(fixture.stores)), workspace.name));
        const found = await getWorkspace(instance(), workspace.name).catch((error) => error.code);
        expect(["NotFound", "Unavailable", workspace.id]).toContain(typeof found === "string" ? found : found.id);
        fixture.clock.pass(61 * SECOND);
        if (found === "NotFound") continue;
        expect((await getWorkspace(instance(), workspace.name)).id).toBe(workspace.id);
        await createExperiment(workspace, { name: "e" });
        await confirmWorkspace(instance(), workspace);
        await expect(deleteEmptyWorkspace(instance(), workspace.name)).rejects.toEqual(refusal("InvalidState"));
      }
    }
    await anHour();
  });
});
