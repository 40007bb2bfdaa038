import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createExperiment } from "../../../shared/domain/experiments.ts";
import { createLoggedModel, deleteLoggedModel, getLoggedModel } from "../../../shared/domain/logged-models/models.ts";
import { noteModelVersion } from "../../../shared/domain/logged-models/registrations.ts";
import { createModelVersion } from "../../../shared/domain/registry/create-version.ts";
import { createRegisteredModel, setAlias } from "../../../shared/domain/registry/models.ts";
import type { NewVersion } from "../../../shared/domain/registry/source.ts";
import { transitionStage } from "../../../shared/domain/registry/versions.ts";
import { createRun } from "../../../shared/domain/runs/runs.ts";
import type { Workspace } from "../../../shared/domain/workspace.ts";
import { type DomainFixture, domainFixture, refusal } from "../support.ts";

let fixture: DomainFixture;
let workspace: Workspace;
const ids = {
  run: "",
  other: "",
  model: "",
  otherModel: "",
  deletedModel: "",
  foreignRun: "",
  local: "",
  localModel: "",
};

beforeAll(async () => {
  fixture = domainFixture();
  workspace = await fixture.freshWorkspace();
  const shared = await createExperiment(workspace, { name: "shared", artifactLocation: "file:///mnt/e" });
  const run = async (of = workspace, experimentId = "0") =>
    (await createRun(of, { experimentId, userId: "u", tags: [] })).view.attributes.runId;
  Object.assign(ids, { run: await run(), other: await run(), local: await run(workspace, shared) });
  const model = async (sourceRunId: string, experimentId = "0") =>
    (await createLoggedModel(workspace, { experimentId, sourceRunId, params: [], tags: [] })).view.attributes.modelId;
  ids.localModel = await model(ids.local, shared);
  Object.assign(ids, {
    model: await model(ids.run),
    otherModel: await model(ids.other),
    deletedModel: await model(ids.run),
  });
  await deleteLoggedModel(workspace, ids.deletedModel);
  ids.foreignRun = await run(await fixture.freshWorkspace());
  for (const name of ["m", "copy"]) await createRegisteredModel(workspace, { name, tags: [] });
  await createModelVersion(workspace, { name: "m", source: `models:/${ids.model}`, modelId: ids.model, tags: [] });
  await setAlias(workspace, "m", "champion", 1);
  await transitionStage(workspace, "m", "1", "Production", false);
});
afterAll(() => fixture.close());

/** `<run>` and the like stand for the ids made above. */
const filled = (text: string) => text.replace(/<(\w+)>/g, (_, name: keyof typeof ids) => ids[name]);

async function register(
  source: string,
  owner: { runId?: string; modelId?: string } = {},
  more: Partial<NewVersion> = {},
) {
  const { runId, modelId } = owner;
  const input = {
    name: "copy",
    source: filled(source),
    ...(runId !== undefined && { runId: filled(runId) }),
    ...(modelId !== undefined && { modelId: filled(modelId) }),
    tags: [],
    ...more,
  };
  return (await createModelVersion(workspace, input)).version;
}

const RUN = { runId: "<run>" };
const MODEL = { modelId: "<model>" };
const LOCAL = { runId: "<local>" };
const LOCAL_MODEL = { modelId: "<localModel>" };
const RUN_ROOT = "mlflow-artifacts:/experiments/0/<run>/artifacts";
const MODEL_ROOT = "mlflow-artifacts:/experiments/0/models/<model>/artifacts";

describe("source of a model version", () => {
  it.each([
    ["runs:/<run>/model", RUN, `${RUN_ROOT}/model`, "<run>"],
    ["runs:/<run>", RUN, RUN_ROOT, "<run>"],
    ["models:/<model>", MODEL, MODEL_ROOT, "<run>"],
    ["models:/<model>", { ...MODEL, runId: "<other>" }, MODEL_ROOT, "<other>"],
    [`${RUN_ROOT}/model`, RUN, `${RUN_ROOT}/model`, "<run>"],
    [RUN_ROOT, RUN, RUN_ROOT, "<run>"],
    [MODEL_ROOT, MODEL, MODEL_ROOT, "<run>"],
    [`${MODEL_ROOT}/sub/dir`, { ...MODEL, ...RUN }, `${MODEL_ROOT}/sub/dir`, "<run>"],
    ["models:/m/1", {}, MODEL_ROOT, "<run>"],
    ["models:/m/1", { ...MODEL, ...RUN }, MODEL_ROOT, "<run>"],
    ["models:/m/production", {}, MODEL_ROOT, "<run>"],
    ["models:/m/latest", {}, MODEL_ROOT, "<run>"],
    ["models:/m@champion", {}, MODEL_ROOT, "<run>"],
    ["s3://bucket/model", {}, "s3://bucket/model", ""],
    ["s3://bucket/model", RUN, "s3://bucket/model", "<run>"],
    ["wasbs://c@a.blob.core.windows.net/model", {}, "wasbs://c@a.blob.core.windows.net/model", ""],
    ["s3://key:secret@bucket/model", {}, "s3://key:secret@bucket/model", ""],
    ["runs:/<foreignRun>/model", { runId: "<foreignRun>" }, "runs:/<foreignRun>/model", "<foreignRun>"],
    ["runs:/0123456789abcdef/a/b", { runId: "0123456789abcdef" }, "runs:/0123456789abcdef/a/b", "0123456789abcdef"],
    ["file:///mnt/e/<local>/artifacts/model", LOCAL, "file:///mnt/e/<local>/artifacts/model", "<local>"],
    ["/mnt/e/<local>/artifacts", LOCAL, "/mnt/e/<local>/artifacts", "<local>"],
    ["file:/mnt/e/<local>/artifacts/x/./y", LOCAL, "file:/mnt/e/<local>/artifacts/x/./y", "<local>"],
    ["file://localhost/mnt/e/<local>/artifacts/x", LOCAL, "file://localhost/mnt/e/<local>/artifacts/x", "<local>"],
    [
      "file:///mnt/e/models/<localModel>/artifacts",
      LOCAL_MODEL,
      "file:///mnt/e/models/<localModel>/artifacts",
      "<local>",
    ],
    ["models:/<localModel>", LOCAL_MODEL, "file:///mnt/e/models/<localModel>/artifacts", "<local>"],
    ["runs:/<local>/model", LOCAL, "file:///mnt/e/<local>/artifacts/model", "<local>"],
  ])("takes %s of %j", async (source, owner, location, runId) => {
    const version = await register(source, owner);
    expect([version.storageLocation, version.runId]).toEqual([filled(location), filled(runId)]);
  });

  it.each([
    ["runs:/<run>/model", {}, "another's run, guessed"],
    ["runs:/<run>/model", { runId: "<other>" }, "not the run named"],
    ["runs:/<run>/model", { runId: "" }, "an empty run id"],
    ["runs:/<foreignRun>/model", {}, "a run of another workspace that is not named"],
    ["runs:/<foreignRun>/model", { runId: "<foreignRun>", modelId: "<model>" }, "a run named as a model"],
    ["runs:/a b/model", { runId: "a b" }, "what is no run id"],
    ["runs:/<run>/../<other>/artifacts", RUN, "a way out of the run"],
    ["runs:/<run>/%2e%2e/x", RUN, "an encoded way out of the run"],
    ["runs:/", RUN, "no run at all"],
    ["models:/<model>", {}, "another's logged model, guessed"],
    ["models:/<model>", { modelId: "<otherModel>" }, "not the logged model named"],
    ["models:/<deletedModel>", { modelId: "<deletedModel>" }, "a deleted logged model"],
    [`models:/m-${"0".repeat(32)}`, { modelId: `m-${"0".repeat(32)}` }, "an unknown logged model"],
    [`${RUN_ROOT}/model`, {}, "an address without its run"],
    [`${RUN_ROOT}/model`, { runId: "<other>" }, "an address in another run"],
    [`${RUN_ROOT}/../../<other>/artifacts`, RUN, "an address with a way out"],
    [`${RUN_ROOT}/%2e%2e/%2E%2E/x`, RUN, "an address with an encoded way out"],
    [`${RUN_ROOT}/%252e%252e/x`, RUN, "an address with a twice encoded way out"],
    [`${RUN_ROOT}/a%00b`, RUN, "NUL"],
    ["mlflow-artifacts:/experiments/0/<run>/artifacts-of-another", RUN, "a folder beside the run's"],
    ["mlflow-artifacts:/experiments/0/<run>", RUN, "above the run's folder"],
    ["mlflow-artifacts://elsewhere/experiments/0/<run>/artifacts", RUN, "another server's store"],
    [MODEL_ROOT, { modelId: "<otherModel>" }, "an address in another logged model"],
    [MODEL_ROOT, RUN, "a logged model's address under a run"],
    ["http://host/api/2.0/mlflow-artifacts/artifacts/experiments/0/<run>/artifacts", RUN, "the store's HTTP address"],
    ["models:/m/1", { runId: "<other>" }, "another run than the version's"],
    ["models:/m/1", { modelId: "<otherModel>" }, "another logged model than the version's"],
    ["models:/m/staging", {}, "a stage without versions"],
    ["models:/m/best", {}, "an unknown stage"],
    ["models:/m@nobody", {}, "an unknown alias"],
    ["models:/m", {}, "a model without a version"],
    ["models://m/1", {}, "an authority"],
    ["/etc/passwd", {}, "a local path"],
    ["./model", RUN, "a relative path"],
    ["file:///etc/passwd", RUN, "a file"],
    ["/etc/passwd", LOCAL, "a local path outside the run's"],
    ["file:///mnt/e/<local>/artifacts/../../x", LOCAL, "a way out of a folder"],
    ["file:///mnt/e/<local>/artifacts/%2e%2e/%2E%2E/x", LOCAL, "an encoded way out of a folder"],
    ["file:///mnt/e/<local>/artifacts-x", LOCAL, "a folder beside a local run's"],
    ["file:///mnt/e/<local>/artifacts/model", {}, "a local path without its run"],
    ["file:///mnt/e/<local>/artifacts/model", RUN, "a local path in another run"],
    ["file:///mnt/e/<local>/artifacts/model", LOCAL_MODEL, "a run's local path under a logged model"],
    ["file:///mnt/e/models/<localModel>/artifacts", LOCAL, "a logged model's local path under a run"],
    ["file://host/mnt/e/<local>/artifacts/model", LOCAL, "a path on another host"],
    ["mnt/e/<local>/artifacts/model", LOCAL, "a path that depends on the folder"],
    ["http://host/model", RUN, "http"],
    ["https://host/model", {}, "https"],
    ["ftp://user:password@host/model", {}, "ftp"],
    ["hdfs://host/model", {}, "hdfs"],
    ["FILE:/etc/passwd", RUN, "a file in capitals"],
    ["C:\\model", RUN, "a Windows path"],
    ["s3://bucket/../other", {}, "a way out of a bucket"],
    ["s3://bucket/%2e%2e/other", {}, "an encoded way out of a bucket"],
    ["s3://bucket\\..\\other", {}, "a way out with backslashes"],
    ["", {}, "nothing"],
  ])("refuses %j of %j: %s", async (source, owner, _) => {
    await expect(register(source, owner)).rejects.toEqual(refusal("InvalidParameter"));
  });

  it("a prompt is no source of a model", async () => {
    const tags = [{ key: "mlflow.prompt.is_prompt", value: "true" }];
    await createRegisteredModel(workspace, { name: "prompt", tags });
    await createModelVersion(workspace, { name: "prompt", source: "dummy-source", tags });
    await expect(register("models:/prompt/1")).rejects.toEqual(refusal("InvalidParameter", /Prompt versions cannot/));
  });

  it("models:/ of an unknown model or version is not found", async () => {
    await expect(register("models:/unknown/1")).rejects.toEqual(refusal("NotFound"));
    await expect(register("models:/m/9")).rejects.toEqual(refusal("NotFound"));
  });

  it("a copy remembers where it came from, as a plain version", async () => {
    expect((await register("models:/m@champion")).source).toBe("models:/m/1");
  });

  it("a logged model notes its versions once each", async () => {
    for (const version of [1, 2, 1]) await noteModelVersion(workspace, ids.model, "m", version);
    await noteModelVersion(workspace, `m-${"0".repeat(32)}`, "m", 1);
    const { view } = await getLoggedModel(workspace, ids.model);
    expect(JSON.parse(view.section("tags").get("mlflow.modelVersions")!)).toEqual([
      { name: "m", version: 1 },
      { name: "m", version: 2 },
    ]);
  });
});

describe("prompts", () => {
  const isPrompt = (value: string) => ({ tags: [{ key: "mlflow.prompt.is_prompt", value }] });

  it.each(["true", "True", "TRUE"])("take a placeholder for a source: tagged %s", async (value) => {
    for (const source of ["prompt-template", "dummy-source"]) {
      expect((await register(source, {}, isPrompt(value))).storageLocation).toBe(source);
    }
  });

  it.each(["/etc/passwd", RUN_ROOT, "runs:/<run>/model", "s3://bucket/x", ""])(
    "refuse %j for a source",
    async (source) => {
      await expect(register(source, RUN, isPrompt("true"))).rejects.toEqual(
        refusal("InvalidParameter", /Prompt sources must use an MLflow placeholder/),
      );
    },
  );

  it("the placeholder is no source for a model", async () => {
    for (const tags of [[], isPrompt("false").tags]) {
      await expect(register("prompt-template", {}, { tags })).rejects.toEqual(refusal("InvalidParameter"));
    }
  });

  it("text: a version keeps 100,000 characters, and not one more", async () => {
    const text = (length: number) => ({ key: "mlflow.prompt.text", value: "字".repeat(length) });
    const { tags } = isPrompt("true");
    const version = await register("prompt-template", {}, { tags: [...tags, text(100_000)] });
    expect(new Map(version.tags).get("mlflow.prompt.text")).toBe("字".repeat(100_000));
    await expect(register("prompt-template", {}, { tags: [...tags, text(100_001)] })).rejects.toEqual(
      refusal("InvalidParameter", /exceeds the maximum length of 100000/),
    );
  });
});
