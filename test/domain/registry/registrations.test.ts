import { afterAll, beforeAll, expect, test } from "vitest";
import { createExperiment } from "../../../shared/domain/experiments.ts";
import { createLoggedModel, getLoggedModel } from "../../../shared/domain/logged-models/models.ts";
import { noteModelVersion } from "../../../shared/domain/logged-models/registrations.ts";
import type { Workspace } from "../../../shared/domain/workspace.ts";
import { type DomainFixture, domainFixture, withEachWrite } from "../support.ts";

let fixture: DomainFixture;
let workspace: Workspace;
let modelId: string;

beforeAll(async () => {
  fixture = domainFixture();
  workspace = await fixture.freshWorkspace();
  const experimentId = await createExperiment(workspace, { name: "e" });
  const made = await createLoggedModel(workspace, { experimentId, params: [], tags: [] });
  modelId = made.view.attributes.modelId;
});
afterAll(() => fixture.close());

const noted = async () => (await getLoggedModel(workspace, modelId)).view.section("tags").get("mlflow.modelVersions");

test("noteModelVersion: an outage is told, and nothing noted", async () => {
  const away = withEachWrite(workspace.stores, () => Promise.reject(new Error("outage")));
  await expect(noteModelVersion({ ...workspace, stores: away }, modelId, "m", 1)).rejects.toThrow("outage");
  expect(await noted()).toBeUndefined();
});

test("noteModelVersion: notes each version once; a model that is not there needs no note", async () => {
  for (const version of [1, 2, 1]) await noteModelVersion(workspace, modelId, "m", version);
  expect(JSON.parse((await noted())!)).toEqual([
    { name: "m", version: 1 },
    { name: "m", version: 2 },
  ]);
  await noteModelVersion(workspace, `m-${"0".repeat(32)}`, "m", 1);
});
