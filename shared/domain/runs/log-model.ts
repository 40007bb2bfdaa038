import { invalid } from "../errors.ts";
import { cut, jsonList } from "../validation.ts";
import type { Workspace } from "../workspace.ts";
import { changeRun } from "./runs.ts";

const HISTORY_TAG = "mlflow.log-model.history";
const REQUIRED = ["artifact_path", "flavors", "utc_time_created", "run_id"];
/** Far beyond what the flavors of a run's models take, and well below what a document holds. */
const HISTORY_BYTES = 1_000_000;

/**
 * Notes a model that MLflow 2 saved as artifacts of its run: appended to a tag that holds a JSON list. The same model again changes nothing.
 * @see MLflow REST "runs/log-model"
 */
export async function recordModel(workspace: Workspace, runId: string, modelJson: string): Promise<void> {
  const model = parseModel(modelJson);
  await changeRun(workspace, runId, (draft) => {
    const tags = draft.section("tags");
    const history = jsonList<unknown>(tags.entries.get(HISTORY_TAG));
    const known = new Set(history.map((entry) => JSON.stringify(entry)));
    if (known.has(JSON.stringify(model))) return;
    const value = JSON.stringify([...history, model]);
    if (Buffer.byteLength(JSON.stringify(value)) > HISTORY_BYTES) throw historyFull();
    tags.set(HISTORY_TAG, value);
  });
}

function historyFull(): Error {
  return invalid(
    `'${HISTORY_TAG}' exceeds the maximum length of ${HISTORY_BYTES} bytes: the run has too many or too large models.`,
  );
}

function parseModel(modelJson: string): object {
  let model: unknown;
  try {
    model = JSON.parse(modelJson);
  } catch {
    throw invalid(`Malformed model info. \n ${cut(modelJson)} \n is not a valid JSON.`);
  }
  if (typeof model !== "object" || model === null || Array.isArray(model)) {
    throw invalid(`Malformed model info. \n ${cut(modelJson)} \n is not a JSON object.`);
  }
  const missing = REQUIRED.filter((field) => !Object.hasOwn(model, field));
  if (missing.length > 0) {
    throw invalid(`Model json is missing mandatory fields: {${missing.map((field) => `'${field}'`).join(", ")}}`);
  }
  return model;
}
