import type { Workspace } from "../../../shared/domain/workspace.ts";

/** The same workspace, and how often documents of its catalog were read through it. */
export function countingReads(workspace: Workspace): { counted: Workspace; reads: () => number } {
  const { documents } = workspace.stores;
  let count = 0;
  const catalog = Object.assign(Object.create(documents.catalog), {
    get: (partition: string, id: string) => {
      count++;
      return documents.catalog.get(partition, id);
    },
  });
  const counted = { ...workspace, stores: { ...workspace.stores, documents: { ...documents, catalog } } };
  return { counted, reads: () => count };
}
