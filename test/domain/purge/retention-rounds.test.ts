import fc from "fast-check";
import { expect, it } from "vitest";
import {
  createExperiment,
  deleteExperiment,
  findExperiment,
  restoreExperiment,
} from "../../../shared/domain/experiments.ts";
import { createLoggedModel, deleteLoggedModel, getLoggedModel } from "../../../shared/domain/logged-models/models.ts";
import { watchPurges } from "../../../shared/domain/purge/background.ts";
import { purgeExperiment, purgeRecord } from "../../../shared/domain/purge/purge.ts";
import { createModelVersion } from "../../../shared/domain/registry/create-version.ts";
import { createRegisteredModel } from "../../../shared/domain/registry/models.ts";
import { deleteModelVersion } from "../../../shared/domain/registry/versions.ts";
import { createRun, deleteRun, getRun, restoreRun } from "../../../shared/domain/runs/runs.ts";
import { DAY } from "../support.ts";
import {
  anHour,
  blobs,
  catalogOf,
  fixture,
  pathOf,
  put,
  realm,
  setUpWorld,
  useNewWorkspace,
  workspace,
} from "./world.ts";

/*
 * Random rounds of deletions, restorations, purges, registrations and days against the plainest model: what is deleted, since when, and which
 * files a version is made of.
 */

setUpWorld();

const RETENTION_DAYS = 30;

interface Thing {
  readonly kind: "experiment" | "run" | "model";
  readonly id: string;
  readonly experiment: Thing;
  readonly file: string;
  deletedMs: number | undefined;
  isGone: boolean;
  versions: string[];
}

const step = fc.record({
  act: fc.constantFrom(
    "experiment",
    "run",
    "model",
    "delete",
    "delete",
    "restore",
    "purge",
    "register",
    "unregister",
    "days",
  ),
  on: fc.nat(),
  days: fc.integer({ min: 1, max: 20 }),
});

class Round {
  readonly things: Thing[] = [];

  async make(kind: Thing["kind"], on: number): Promise<void> {
    const experiments = this.things.filter((thing) => thing.kind === "experiment" && !thing.isGone);
    const experiment = experiments[on % Math.max(1, experiments.length)];
    const common = { deletedMs: undefined, isGone: false, versions: [] };
    if (kind === "experiment") {
      const id = await createExperiment(workspace, { name: `e${this.things.length}` });
      const made = { ...common, kind, id, file: "" };
      this.things.push(Object.assign(made, { experiment: made }) as unknown as Thing);
      return;
    }
    if (!experiment) return;
    const experimentId = experiment.id;
    const making =
      kind === "run"
        ? createRun(workspace, { experimentId, userId: "u", tags: [] })
        : createLoggedModel(workspace, { experimentId, params: [], tags: [] });
    if (experiment.deletedMs !== undefined) {
      await expect(making).rejects.toThrow("active");
      return;
    }
    const { attributes } = (await making).view;
    const file = `${pathOf(attributes.artifactUri)}/model/file`;
    await put(file);
    const id = attributes.kind === "run" ? attributes.runId : attributes.modelId;
    this.things.push({ ...common, kind, id, file, experiment });
  }

  private runsOf(experiment: Thing): Thing[] {
    return this.things.filter((thing) => thing.kind === "run" && thing.experiment === experiment && !thing.isGone);
  }

  async delete(thing: Thing): Promise<void> {
    const nowMs = fixture.clock.nowMs;
    if (thing.kind === "experiment") {
      const deleting = deleteExperiment(workspace, thing.id);
      if (thing.deletedMs !== undefined) return void (await expect(deleting).rejects.toThrow("No active"));
      await deleting;
      for (const each of [thing, ...this.runsOf(thing)]) each.deletedMs = nowMs;
      return;
    }
    await (thing.kind === "run" ? deleteRun : deleteLoggedModel)(workspace, thing.id);
    thing.deletedMs ??= nowMs;
  }

  async restore(thing: Thing): Promise<void> {
    if (thing.kind === "model") return;
    if (thing.kind === "run") {
      const restoring = restoreRun(workspace, thing.id);
      if (thing.experiment.deletedMs !== undefined) return void (await expect(restoring).rejects.toThrow("active"));
      await restoring;
      thing.deletedMs = undefined;
      return;
    }
    const restoring = restoreExperiment(workspace, thing.id);
    if (thing.deletedMs === undefined) return void (await expect(restoring).rejects.toThrow("No deleted"));
    await restoring;
    for (const each of [thing, ...this.runsOf(thing)]) each.deletedMs = undefined;
  }

  async purge(thing: Thing): Promise<void> {
    const purging =
      thing.kind === "experiment" ? purgeExperiment(workspace, thing.id) : purgeRecord(workspace, thing.kind, thing.id);
    if (thing.deletedMs === undefined) return void (await expect(purging).rejects.toThrow("delete it first"));
    const { kept } = await purging;
    const going = this.things.filter(
      (each) => each === thing || (thing.kind === "experiment" && each.experiment === thing),
    );
    const held = going.filter((each) => !each.isGone).flatMap(({ versions }) => versions.map(Number));
    expect(kept.map(({ version }) => version)).toEqual(held.sort((a, b) => a - b));
    this.bury(thing);
  }

  private bury(thing: Thing): void {
    thing.isGone = true;
    if (thing.kind !== "experiment") return;
    for (const each of this.things) if (each.experiment === thing) each.isGone = true;
  }

  async register(thing: Thing): Promise<void> {
    if (thing.kind === "experiment") return;
    const owner = thing.kind === "run" ? { runId: thing.id } : { modelId: thing.id };
    const source = `mlflow-artifacts:/${thing.file.replace(/\/file$/, "")}`;
    const making = createModelVersion(workspace, { name: "m", source, tags: [], ...owner });
    if (thing.kind === "model" && thing.deletedMs !== undefined) return void (await expect(making).rejects.toThrow());
    thing.versions.push(String((await making).version.version));
  }

  async unregister(on: number): Promise<void> {
    const made = this.things.filter(({ versions }) => versions.length > 0);
    const thing = made[on % Math.max(1, made.length)];
    if (thing) await deleteModelVersion(workspace, "m", thing.versions.pop()!);
  }

  async pass(days: number): Promise<void> {
    fixture.clock.pass(days * DAY);
    const before = fixture.clock.nowMs - RETENTION_DAYS * DAY;
    for (const thing of this.things) if (thing.deletedMs !== undefined && thing.deletedMs < before) this.bury(thing);
    await watchPurges(realm, RETENTION_DAYS);
    await this.check();
  }

  async check(): Promise<void> {
    for (const { kind, id, deletedMs, isGone } of this.things) {
      const stage = isGone ? "gone" : deletedMs === undefined ? "active" : "deleted";
      expect([kind, id, await stageOf(kind, id)]).toEqual([kind, id, stage]);
    }
  }

  /** What was left for later is done by then: only what is there, or what a version is made of, has files and notes. */
  async checkFiles(): Promise<void> {
    for (let i = 0; i < 2; i++) {
      await anHour();
      await watchPurges(realm, 0);
    }
    await anHour();
    const kept = this.things.filter(({ file, isGone, versions }) => file && (!isGone || versions.length > 0));
    const artifacts = (await blobs()).filter((name) => name.startsWith("artifacts/"));
    expect(artifacts.map((name) => name.split("/").slice(2).join("/"))).toEqual(kept.map(({ file }) => file).sort());
    const held = kept.filter(({ isGone }) => isGone).map(({ kind, id }) => `purge-${kind}-${id}`);
    expect((await catalogOf()).filter((id) => id.startsWith("purge-"))).toEqual(held.sort());
  }
}

async function stageOf(kind: Thing["kind"], id: string): Promise<string> {
  try {
    if (kind === "run") return (await getRun(workspace, id)).stage;
    if (kind === "model") return (await getLoggedModel(workspace, id, true)).view.attributes.stage;
    return (await findExperiment(workspace, id))?.stage ?? "gone";
  } catch {
    return "gone";
  }
}

it("random rounds: what is deleted, for how long, and whose files stay", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await useNewWorkspace();
      await createRegisteredModel(workspace, { name: "m", tags: [] });
      const round = new Round();
      for (const kind of ["experiment", "run", "model"] as const) await round.make(kind, 0);
      for (const { act, on, days } of steps) {
        fixture.clock.pass(1);
        const present = round.things.filter(({ isGone }) => !isGone);
        const thing = present[on % Math.max(1, present.length)];
        if (act === "days") await round.pass(days);
        else if (act === "unregister") await round.unregister(on);
        else if (act === "experiment" || act === "run" || act === "model") await round.make(act, on);
        else if (thing) await round[act](thing);
        await round.check();
      }
      await round.checkFiles();
    }),
    { numRuns: 60 },
  );
}, 120_000);
