import { invalid } from "../errors.ts";
import { hashOf } from "../hash.ts";
import { type Int64, storedInt64 } from "../int64.ts";
import type { Draft } from "../record.ts";
import { BLOBS } from "../stored-names.ts";
import type { Tag } from "../tag.ts";
import { cut, invalidValue, LIMITS, requireLength } from "../validation.ts";
import type { Workspace } from "../workspace.ts";
import { changeRun, requireActiveRun } from "./runs.ts";
import type { Dataset, StoredInput } from "./stored-input.ts";
import type { RunAttributes } from "./types.ts";

/** A dataset as clients log it. */
export interface DatasetInput extends Dataset {
  readonly tags: readonly Tag[];
}

interface ModelOutput {
  readonly modelId: string;
  readonly step: Int64;
}

/** Longer values do not belong into a document. */
const INLINE_CHARACTERS = 64 * 1024;

/**
 * Records what a run used. A dataset is known by name and digest: logged a second time it changes nothing.
 * @see MLflow REST "runs/log-inputs"
 */
export async function logInputs(
  workspace: Workspace,
  runId: string,
  datasets: readonly DatasetInput[],
  modelIds: readonly string[],
): Promise<void> {
  if (datasets.length > LIMITS.datasetsPerRequest) {
    throw invalidValue("datasets", datasets.length, `at most ${LIMITS.datasetsPerRequest} datasets per request.`);
  }
  for (const [i, dataset] of datasets.entries()) requireDataset(dataset, `datasets[${i}]`);
  await requireActiveRun(workspace, runId);
  const stored = new Map<string, StoredInput>();
  const blobs = new Map<string, string>();
  for (const dataset of datasets) {
    const key = JSON.stringify([dataset.name, dataset.digest]);
    if (!stored.has(key)) stored.set(key, toStored(workspace, runId, dataset, blobs));
  }
  const edit = (draft: Draft<RunAttributes>) => {
    const inputs = draft.section("inputs");
    for (const [key, input] of stored) if (!inputs.entries.has(key)) inputs.set(key, input);
    for (const modelId of modelIds) draft.section("modelInputs").set(modelId, true);
  };
  await changeRun(workspace, runId, edit, { ready: () => putTexts(workspace, blobs) });
}

/** Named by their content, so that writing them twice is the same. */
async function putTexts({ stores }: Workspace, blobs: ReadonlyMap<string, string>): Promise<void> {
  const contentType = "text/plain; charset=utf-8";
  for (const [blob, text] of blobs) await stores.blobs.put(blob, Buffer.from(text), { contentType });
}

/** Records the logged models that a run produced. @see MLflow REST "runs/outputs" */
export async function logOutputs(workspace: Workspace, runId: string, outputs: readonly ModelOutput[]): Promise<void> {
  await changeRun(workspace, runId, (draft) => {
    for (const { modelId, step } of outputs) draft.section("outputs").set(modelId, storedInt64(step));
  });
}

/** A dataset with the values that lie in blobs. */
export async function loadInput(workspace: Workspace, input: StoredInput): Promise<StoredInput> {
  const schema = input.schemaBlob ? await readText(workspace, input.schemaBlob) : input.schema;
  const profile = input.profileBlob ? await readText(workspace, input.profileBlob) : input.profile;
  return { ...input, schema, profile };
}

/** @param blobs takes the texts that are too long for a document, by the name of their blob */
function toStored(workspace: Workspace, runId: string, dataset: DatasetInput, blobs: Map<string, string>): StoredInput {
  const { name, digest, sourceType, source, schema, profile, tags } = dataset;
  let blobBytes = 0;
  const inlineOrBlob = (field: "schema" | "profile", value: string | undefined): Partial<StoredInput> => {
    if (value === undefined) return {};
    if (value.length <= INLINE_CHARACTERS) return { [field]: value };
    const blob = `${valuesPrefix(workspace, runId)}${hashOf(value)}`;
    blobs.set(blob, value);
    blobBytes += Buffer.byteLength(value);
    return { [`${field}Blob`]: blob };
  };
  return {
    name,
    digest,
    sourceType,
    source,
    ...inlineOrBlob("schema", schema),
    ...inlineOrBlob("profile", profile),
    ...(blobBytes > 0 && { blobBytes }),
    tags: [...new Map(tags.map((tag) => [tag.key, tag.value]))],
  };
}

export function valuesPrefix(workspace: Workspace, runId: string): string {
  return BLOBS.values(workspace.id, `${runId}/`);
}

async function readText(workspace: Workspace, blob: string): Promise<string | undefined> {
  const found = await workspace.stores.blobs.get(blob);
  if (!found) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of found.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function requireDataset(dataset: DatasetInput, path: string): void {
  requireFilled(`${path}.dataset.name`, dataset.name, LIMITS.datasetName);
  requireFilled(`${path}.dataset.digest`, dataset.digest, LIMITS.datasetDigest);
  requireFilled(`${path}.dataset.source_type`, dataset.sourceType, LIMITS.key);
  requireFilled(`${path}.dataset.source`, dataset.source, LIMITS.datasetSource);
  requireLength(`${path}.dataset.schema`, dataset.schema ?? "", LIMITS.datasetSchema);
  requireLength(`${path}.dataset.profile`, dataset.profile ?? "", LIMITS.datasetProfile);
  for (const [i, tag] of dataset.tags.entries()) {
    requireFilled(`${path}.tags[${i}].key`, tag.key, LIMITS.inputTagKey);
    requireLength(`${path}.tags[${i}].value`, tag.value, LIMITS.inputTagValue);
  }
}

function requireFilled(path: string, value: string, limit: number): void {
  if (value === "") throw invalid(`Missing value for required parameter '${path}'.`);
  requireLength(cut(path), value, limit);
}
