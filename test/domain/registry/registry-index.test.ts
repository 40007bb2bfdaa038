import { expect, it } from "vitest";
import { MODELS, tombstone, versionDocumentId } from "../../../shared/domain/registry/models.ts";
import { RegistryIndex } from "../../../shared/domain/registry/registry-index.ts";
import type { RegisteredModel, RegistryItem, VersionItem } from "../../../shared/domain/registry/types.ts";
import type { Workspace } from "../../../shared/domain/workspace.ts";
import type { DocumentStore } from "../../../shared/stores/document-store.ts";
import { SettableClock } from "../support.ts";

const SCOPE = "w/registry";
const FOLDER = "experiments/1/r/artifacts/model";

function model(name: string): RegisteredModel {
  return { key: "k", name, description: "", createdMs: 1, updatedMs: 1, tags: [], aliases: [], lastVersion: 1 };
}

const version: VersionItem = {
  id: versionDocumentId("k", 1),
  scope: SCOPE,
  kind: "model-version",
  version: {
    modelKey: "k",
    version: 1,
    createdMs: 1,
    updatedMs: 1,
    stage: "None",
    description: "",
    source: "s",
    storageLocation: `mlflow-artifacts:/${FOLDER}`,
    runId: "r",
    runLink: "",
    tags: [],
  },
};

it("a purge that looks while a renaming is being read finds the version's files in use", async () => {
  const workspace = { id: "w" } as Workspace;
  const before = MODELS.item(workspace, "before", { model: model("before") });
  // Cosmos DB gives what one batch has written in no order.
  const changes: RegistryItem[] = [
    before,
    version,
    tombstone(before),
    MODELS.item(workspace, "after", { model: model("after") }),
  ];
  const store: Pick<DocumentStore, "changes"> = {
    async changes<T>(_scope: string, mark = "0") {
      const item = changes[Number(mark)]!;
      const next = Number(mark) + 1;
      const more = next < changes.length;
      return { items: [{ item: item as unknown as T, partition: "w", etag: mark }], mark: String(next), more } as never;
    },
  };
  const inUse: boolean[] = [];
  class Watched extends RegistryIndex {
    protected override async apply(items: Parameters<RegistryIndex["apply"]>[0]): Promise<void> {
      await super.apply(items);
      inUse.push(this.isInUse(FOLDER));
    }
  }
  await new Watched(store as DocumentStore, SCOPE, new SettableClock()).refresh();
  expect(inUse).toEqual([false, true, true, true]);
});
