import type { Item } from "../stores/document-store.ts";
import type { Key } from "./access/keys.ts";
import { DEFAULT_EXPERIMENT_ID, type Experiment, experimentDocumentId } from "./experiments.ts";
import { modelsScope } from "./logged-models/models.ts";
import { runsScope } from "./runs/runs.ts";
import { BLOBS } from "./stored-names.ts";
import type { Workspace } from "./workspace.ts";

/** What the catalog has of any workspace, or for things that are counted themselves. */
const NOBODYS = ["experiment-name", "purge", "trash", "tombstone", "run-token"];

const WORDS: Readonly<Record<string, string>> = {
  experiment: "experiments",
  "registered-model": "registered models",
  "model-version": "model versions",
  secret: "secrets",
  members: "members",
  key: "keys",
};

/**
 * What people have made in a workspace, in words: soft-deleted things count, its one owner and an untouched Default experiment do not.
 * Kinds of documents that are unknown here count.
 */
export async function contentsOf(workspace: Workspace): Promise<string[]> {
  const found = new Set<string>();
  for await (const page of workspace.stores.documents.catalog.list(workspace.id)) {
    for (const { item } of page) {
      const kind = String((item as Item & { kind?: unknown }).kind);
      if (!NOBODYS.includes(kind) && isMade(workspace, kind, item)) found.add(WORDS[kind] ?? "other things");
    }
  }
  if (await hasRecords(workspace, runsScope(workspace, DEFAULT_EXPERIMENT_ID))) found.add("runs");
  if (await hasRecords(workspace, modelsScope(workspace, DEFAULT_EXPERIMENT_ID))) found.add("logged models");
  for await (const _ of workspace.stores.blobs.list(BLOBS.artifacts(workspace.id), { pageSize: 1 })) {
    found.add("artifacts");
    break;
  }
  return [...found];
}

function isMade({ clock }: Workspace, kind: string, item: Item): boolean {
  if (kind === "members") return (item as Item & { members: readonly unknown[] }).members.length > 1;
  if (kind === "key") {
    const { expiresMs } = (item as Item & { key: Key }).key;
    return expiresMs === undefined || clock.now() < expiresMs;
  }
  if (item.id !== experimentDocumentId(DEFAULT_EXPERIMENT_ID)) return true;
  const { name, tags } = (item as Item & { experiment: Experiment }).experiment;
  return name !== "Default" || tags.length > 0;
}

/** Runs or logged models, deleted or not; what is left of purged ones does not count. */
async function hasRecords({ stores }: Workspace, scope: string): Promise<boolean> {
  let mark: string | undefined;
  for (;;) {
    const { items, ...changes } = await stores.documents.runs.changes(scope, mark, 100);
    if (items.some(({ item }) => "attributes" in item)) return true;
    if (!changes.more) return false;
    mark = changes.mark;
  }
}
