import { folderOfUri } from "../artifact-paths.ts";
import { invalid, WorkspaceError } from "../errors.ts";
import { cut, LIMITS, requireLength } from "../validation.ts";
import type { Workspace } from "../workspace.ts";
import { changeModel, getRegisteredModel, later, requireRegistryTag } from "./models.ts";
import { type NewVersion, type ResolvedSource, resolveSource } from "./source.ts";
import type { ModelVersion, NamedVersion } from "./types.ts";
import { deleteModelVersion, versionItem } from "./versions.ts";

/**
 * Registers files as the next version of a model: 1, 2, 3 …, also under concurrency; a number is never given twice.
 * @throws NotFound for an unknown model; InvalidParameter for a source that does not belong to the run or logged model named
 */
export async function createModelVersion(workspace: Workspace, input: NewVersion): Promise<NamedVersion> {
  for (const tag of input.tags) requireRegistryTag(tag);
  requireLength("description", input.description ?? "", LIMITS.registryDescription);
  requireLength("source", input.source, LIMITS.artifactLocation);
  requireLength("run_link", input.runLink ?? "", LIMITS.artifactLocation);
  await getRegisteredModel(workspace, input.name);
  const resolved = await resolveSource(workspace, input);
  const made = await addVersion(workspace, input, resolved);
  if (folderOfUri(resolved.storageLocation) !== undefined) await requireSourceStands(workspace, input, made);
  return made;
}

function addVersion(workspace: Workspace, input: NewVersion, resolved: ResolvedSource): Promise<NamedVersion> {
  return changeModel(workspace, input.name, async (model) => {
    const nowMs = workspace.clock.now();
    const version: ModelVersion = {
      modelKey: model.key,
      version: model.lastVersion + 1,
      createdMs: nowMs,
      updatedMs: nowMs,
      stage: "None",
      description: input.description ?? "",
      runLink: input.runLink ?? "",
      ...resolved,
      tags: [...new Map(input.tags.map(({ key, value }) => [key, value]))],
    };
    return {
      model: { ...model, lastVersion: version.version, updatedMs: later(workspace, model.updatedMs) },
      also: [{ kind: "create", item: versionItem(workspace, version) }],
      result: { name: model.name, version, aliases: [] },
    };
  });
}

/**
 * A purge buries a run before it looks which versions are made of it, so either it sees this version, or this sees that the run is gone. Then
 * the version, which nobody knows yet, goes again.
 */
async function requireSourceStands(workspace: Workspace, input: NewVersion, { version }: NamedVersion): Promise<void> {
  try {
    const { storageLocation } = await resolveSource(workspace, input);
    if (storageLocation === version.storageLocation) return;
  } catch (error) {
    if (!(error instanceof WorkspaceError)) throw error;
  }
  await deleteModelVersion(workspace, input.name, String(version.version)).catch((error) => {
    if (!(error instanceof WorkspaceError && error.code === "NotFound")) throw error;
  });
  throw invalid(`Invalid model version source: '${cut(input.source)}'. It was deleted meanwhile.`);
}
