import { expect, test } from "vitest";
import { INVALID, type Refusal, testRefusals } from "./scenario.ts";
import { served } from "./served.ts";
import { ok } from "./support.ts";
import { createWorld } from "./world.ts";

const suite = served(["light", "azure"]);
const { client } = suite;

const DATASET = { name: "d", digest: "1", source_type: "local", source: "s" };

const inputs = (title: string, datasets: unknown[], message: RegExp): Refusal => ({
  title,
  call: "runs_log_inputs",
  input: ({ runId }) => ({ run_id: runId, datasets: [{ dataset: { ...DATASET, name: "kept-out" } }, ...datasets] }),
  ...INVALID,
  message,
});

const changed = (more: object) => [{ dataset: { ...DATASET, ...more } }];

const REFUSALS: Refusal[] = [
  inputs("an input without a dataset", [{}], /'datasets\[1\]\.dataset'/),
  inputs("a dataset that is a text", [{ dataset: "d" }], /'datasets\[1\]\.dataset'/),
  ...["name", "digest", "source_type", "source"].flatMap((field): Refusal[] => [
    inputs(
      `a dataset without ${field}`,
      changed({ [field]: undefined }),
      new RegExp(`'datasets\\[1\\]\\.dataset\\.${field}'`),
    ),
    inputs(
      `a dataset with an empty ${field}`,
      changed({ [field]: "" }),
      new RegExp(`'datasets\\[1\\]\\.dataset\\.${field}'`),
    ),
    inputs(
      `a dataset whose ${field} is a number`,
      changed({ [field]: 5 }),
      new RegExp(`'datasets\\[1\\]\\.dataset\\.${field}'`),
    ),
  ]),
  inputs("a name of 501 characters", changed({ name: "x".repeat(501) }), /name' exceeds the maximum length of 500/),
  inputs("a digest of 37 characters", changed({ digest: "x".repeat(37) }), /digest' exceeds the maximum length of 36/),
  inputs(
    "a source of 65,536 characters",
    changed({ source: "x".repeat(65_536) }),
    /source' exceeds the maximum length of 65535/,
  ),
  inputs(
    "a schema of 1,048,576 characters",
    changed({ schema: "x".repeat(1_048_576) }),
    /schema' exceeds the maximum length/,
  ),
  inputs(
    "a profile of 16,777,216 characters",
    changed({ profile: "x".repeat(16_777_216) }),
    /profile' exceeds the maximum length/,
  ),
  inputs(
    "a tag value of 501 characters",
    [{ dataset: DATASET, tags: [{ key: "k", value: "x".repeat(501) }] }],
    /value' exceeds the maximum length of 500/,
  ),
  inputs(
    "a tag key of 256 characters",
    [{ dataset: DATASET, tags: [{ key: "x".repeat(256), value: "v" }] }],
    /key' exceeds the maximum length of 255/,
  ),
  inputs(
    "1,001 datasets",
    Array.from({ length: 1000 }, () => ({ dataset: DATASET })),
    /at most 1000 datasets/,
  ),
  {
    title: "no models",
    call: "runs_outputs",
    input: ({ runId }) => ({ run_id: runId }),
    ...INVALID,
    message: /'models'/,
  },
  {
    title: "a model without an id",
    call: "runs_outputs",
    input: ({ runId }) => ({ run_id: runId, models: [{ step: 1 }] }),
    ...INVALID,
    message: /'models\[0\]\.model_id'/,
  },
  {
    title: "a step that is a fraction",
    call: "runs_outputs",
    input: ({ runId }) => ({ run_id: runId, models: [{ model_id: "m", step: 0.5 }] }),
    ...INVALID,
    message: /'models\[0\]\.step'/,
  },
  {
    title: "a model without an id",
    call: "runs_log_inputs",
    input: ({ runId }) => ({ run_id: runId, models: [{}] }),
    ...INVALID,
    message: /'models\[0\]\.model_id'/,
  },
];

suite.describe("inputs and outputs", (flavour) => {
  testRefusals(suite, flavour, REFUSALS);

  test("runs_log_inputs: a dataset logged again, or twice in a call, changes nothing", async () => {
    const { runId } = await createWorld(client);
    const first = { dataset: { ...DATASET, schema: "{}" }, tags: [{ key: "mlflow.data.context", value: "train" }] };
    const again = { dataset: { ...DATASET, schema: "other" }, tags: [{ key: "mlflow.data.context", value: "test" }] };
    await ok(client.call("runs_log_inputs", { run_id: runId, datasets: [first, again] }));
    await ok(client.call("runs_log_inputs", { run_id: runId, datasets: [again] }));
    const { inputs: logged } = (await ok(client.call("runs_get", { run_id: runId }))).run;
    expect(logged.dataset_inputs).toEqual([first]);
  });

  test("runs_log_inputs: a profile of a megabyte comes back whole", async () => {
    const { runId } = await createWorld(client);
    const profile = "\u{1f4ca}".repeat(250_000);
    await ok(client.call("runs_log_inputs", { run_id: runId, datasets: [{ dataset: { ...DATASET, profile } }] }));
    const { inputs: logged } = (await ok(client.call("runs_get", { run_id: runId }))).run;
    expect(logged.dataset_inputs[0].dataset.profile).toBe(profile);
  });

  test("runs_outputs and model inputs are shown with the run", async () => {
    const { runId, modelId } = await createWorld(client);
    await ok(client.call("runs_log_inputs", { run_id: runId, models: [{ model_id: modelId }] }));
    await ok(client.call("runs_outputs", { run_id: runId, models: [{ model_id: modelId, step: 3 }] }));
    const { run } = await ok(client.call("runs_get", { run_id: runId }));
    expect(run.inputs.model_inputs).toEqual([{ model_id: modelId }]);
    expect(run.outputs.model_outputs).toEqual([{ model_id: modelId, step: 3 }]);
  });
});
