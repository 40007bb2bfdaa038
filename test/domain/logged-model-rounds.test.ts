import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createExperiment, deleteExperiment, restoreExperiment } from "../../shared/domain/experiments.ts";
import {
  createLoggedModel,
  deleteLoggedModel,
  deleteLoggedModelTag,
  finalizeLoggedModel,
  getLoggedModel,
  logLoggedModelParams,
  setLoggedModelTags,
} from "../../shared/domain/logged-models/models.ts";
import { searchLoggedModels } from "../../shared/domain/logged-models/search.ts";
import { MODEL_STATUSES, type ModelStatus } from "../../shared/domain/logged-models/types.ts";
import { fold } from "../../shared/domain/metrics/fold.ts";
import { logBatch } from "../../shared/domain/runs/log.ts";
import { createRun } from "../../shared/domain/runs/runs.ts";
import { runsPartition, type Workspace } from "../../shared/domain/workspace.ts";
import { type DomainFixture, domainFixture, refusal, withColdMemory } from "./support.ts";

/* Random rounds of calls on logged models against the plainest model, by a warm and a cold reader. */

let fixture: DomainFixture;
beforeAll(() => {
  fixture = domainFixture();
});
afterAll(() => fixture.close());

interface Plain {
  readonly id: string;
  stage: "active" | "deleted";
  status: ModelStatus;
  readonly tags: Map<string, string>;
  readonly params: Map<string, string>;
  /** Values in order of logging: their time goes up. */
  readonly values: number[];
}

const KEYS = ["a", "b"] as const;
const step = fc.record({
  act: fc.constantFrom("create", "delete", "tag", "untag", "param", "finalize", "log", "experiment", "fold"),
  on: fc.nat(),
  key: fc.constantFrom(...KEYS),
  value: fc.constantFrom("1", "2", "x".repeat(3000)),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class Round {
  readonly models: Plain[] = [];
  private isDeleted = false;
  private time = 0;
  private readonly workspace: Workspace;
  private readonly experimentId: string;
  private readonly runId: string;

  constructor(workspace: Workspace, experimentId: string, runId: string) {
    this.workspace = workspace;
    this.experimentId = experimentId;
    this.runId = runId;
  }

  async create(): Promise<void> {
    const making = createLoggedModel(this.workspace, { experimentId: this.experimentId, params: [], tags: [] });
    if (this.isDeleted) return void (await expect(making).rejects.toEqual(refusal("InvalidParameter")));
    const { modelId } = (await making).view.attributes;
    const status = "LOGGED_MODEL_PENDING";
    this.models.push({ id: modelId, stage: "active", status, tags: new Map(), params: new Map(), values: [] });
  }

  async experiment(): Promise<void> {
    await (this.isDeleted ? restoreExperiment : deleteExperiment)(this.workspace, this.experimentId);
    this.isDeleted = !this.isDeleted;
  }

  async change(model: Plain, { act, key, value, on }: Step): Promise<void> {
    const { workspace } = this;
    if (act === "delete") {
      await deleteLoggedModel(workspace, model.id);
      model.stage = "deleted";
    } else if (act === "tag") {
      await setLoggedModelTags(workspace, model.id, [{ key, value }]);
      model.tags.set(key, value);
    } else if (act === "untag") {
      const deleting = deleteLoggedModelTag(workspace, model.id, key);
      if (model.tags.delete(key)) await deleting;
      else await expect(deleting).rejects.toEqual(refusal("NotFound"));
    } else if (act === "param") {
      const logging = logLoggedModelParams(workspace, model.id, [{ key, value }]);
      if ((model.params.get(key) ?? value) !== value) {
        return void (await expect(logging).rejects.toEqual(refusal("InvalidParameter")));
      }
      await logging;
      model.params.set(key, value);
    } else if (act === "finalize") {
      model.status = MODEL_STATUSES[on % MODEL_STATUSES.length]!;
      await finalizeLoggedModel(workspace, model.id, model.status);
    } else if (act === "log") await this.log(model, on);
    else await fold(withColdMemory(workspace), runsPartition(workspace, model.id));
  }

  /** The run is in another experiment, so it can always be written to. */
  private async log(model: Plain, on: number): Promise<void> {
    const metrics = [{ key: "m", value: on, timestamp: ++this.time, step: 0, origin: { modelId: model.id } }];
    await logBatch(this.workspace, this.runId, { metrics, params: [], tags: [] });
    model.values.push(on);
  }

  async check(): Promise<void> {
    for (const reader of [this.workspace, withColdMemory(this.workspace)]) {
      for (const model of this.models) expect(await shown(reader, model.id)).toEqual(plain(model));
      const request = { filter: { clauses: [], metricClauses: [] }, order: [], datasets: [], limit: 100 };
      const { models } = await searchLoggedModels(reader, [this.experimentId], request);
      const active = this.models.filter(({ stage }) => stage === "active").map(({ id }) => id);
      expect(models.map(({ modelId }) => modelId).sort()).toEqual(active.sort());
    }
  }
}

function plain({ stage, status, tags, params, values }: Plain) {
  return { stage, status, tags: [...tags].sort(), params: [...params].sort(), values };
}

async function shown(reader: Workspace, id: string) {
  const { view, points } = await getLoggedModel(reader, id, true);
  const { stage, status } = view.attributes;
  const hidden = await getLoggedModel(reader, id).then(
    () => "active",
    () => "deleted",
  );
  expect(hidden).toBe(stage);
  return {
    stage,
    status,
    tags: [...view.section("tags")].sort(),
    params: [...view.section("params")].sort(),
    values: points.map(({ value }) => value),
  };
}

it("random rounds on logged models and their experiment", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const workspace = await fixture.freshWorkspace();
      const { view } = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
      const experimentId = await createExperiment(workspace, { name: "e" });
      const round = new Round(workspace, experimentId, view.attributes.runId);
      await round.create();
      for (const next of steps) {
        fixture.clock.pass(1000);
        if (next.act === "create") await round.create();
        else if (next.act === "experiment") await round.experiment();
        else await round.change(round.models[next.on % round.models.length]!, next);
        await round.check();
      }
    }),
    { numRuns: 40 },
  );
}, 120_000);
