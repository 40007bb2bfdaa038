import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { artifactBlob } from "../../../shared/domain/artifacts.ts";
import { createLoggedModel } from "../../../shared/domain/logged-models/models.ts";
import { Memory } from "../../../shared/domain/memory.ts";
import { appendPoints, pointsItem } from "../../../shared/domain/metrics/append.ts";
import { handlePurge } from "../../../shared/domain/purge/background.ts";
import { PURGE_QUEUE } from "../../../shared/domain/queues.ts";
import { logInputs } from "../../../shared/domain/runs/inputs.ts";
import { logBatch } from "../../../shared/domain/runs/log.ts";
import { createRun, runsScope } from "../../../shared/domain/runs/runs.ts";
import { searchRuns } from "../../../shared/domain/runs/search.ts";
import { runsPartition, type Workspace } from "../../../shared/domain/workspace.ts";
import { createWorkspace, openWorkspace, type Realm } from "../../../shared/domain/workspaces.ts";
import { type DomainFixture, domainFixture, Power, SECOND, survives, withColdMemory } from "../support.ts";

/*
 * A workspace of its own for each test, with everything that a purge has to find, and what is left of it. Importers see the current values.
 */
export let fixture: DomainFixture;
export let realm: Realm;
export let workspace: Workspace;
export let power: Power;
let workspaces = 0;

/** Makes the world of a test file: what the workspace and the realm write goes through `power`. */
export function setUpWorld(): void {
  beforeAll(() => {
    fixture = domainFixture();
  });
  beforeEach(async () => {
    power = new Power();
    realm = { ...fixture.realm, stores: power.feed(fixture.stores), memory: new Memory() };
    await useNewWorkspace();
  });
  afterAll(() => fixture.close());
}

/** From here on `workspace` is another one. */
export async function useNewWorkspace(): Promise<void> {
  workspace = await newWorkspace(`team-${++workspaces}`);
}

export async function newWorkspace(name: string): Promise<Workspace> {
  await createWorkspace(realm, name, "");
  return openWorkspace(realm, name);
}

export const MINUTE = 60 * SECOND;
export const put = (path: string, of = workspace) =>
  of.stores.blobs.put(artifactBlob(of, path), Buffer.from("content"));
/** Where a client's request for an address ends up. */
export const pathOf = (uri: string) => decodeURIComponent(uri.replace("mlflow-artifacts:/", "").replace("% ", "%25 "));

/** A run with everything a run can have: params, metrics, pages, a long schema in a blob, artifacts. */
export async function fullRun(experimentId: string, of = workspace): Promise<string> {
  const tags = Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, value: "x".repeat(8000) }));
  const { view } = await createRun(of, { experimentId, userId: "u", tags });
  const { runId, artifactUri } = view.attributes;
  const metrics = [{ key: "m", value: 1, timestamp: 1, step: 1 }];
  await logBatch(of, runId, { metrics, params: [{ key: "p", value: "v" }], tags: [] });
  const dataset = { name: "d", digest: "1", sourceType: "t", source: "s", schema: "s".repeat(70_000), tags: [] };
  await logInputs(of, runId, [dataset], []);
  await put(`${pathOf(artifactUri)}/model/file`, of);
  return runId;
}

export async function fullModel(experimentId: string, of = workspace): Promise<string> {
  const { view } = await createLoggedModel(of, { experimentId, params: [], tags: [] });
  const { modelId, artifactUri } = view.attributes;
  const { view: run } = await createRun(of, { experimentId, userId: "u", tags: [] });
  const metrics = [{ key: "m", value: 1, timestamp: 1, step: 1, origin: { modelId } }];
  await logBatch(of, run.attributes.runId, { metrics, params: [], tags: [] });
  await put(`${pathOf(artifactUri)}/weights`, of);
  return modelId;
}

/** What the queue's handlers do until nothing is left to do now; a handler that dies leaves its message for later. */
export async function drain(): Promise<void> {
  for (;;) {
    const [message] = await fixture.stores.queue.receive(PURGE_QUEUE.name, 1, 30);
    if (!message) return;
    if (await survives(() => handlePurge(realm, JSON.parse(message.body)))) {
      await fixture.stores.queue.remove(PURGE_QUEUE.name, message);
    }
  }
}

/** Lets an hour pass in which messages are handled. */
export async function anHour(): Promise<void> {
  for (let i = 0; i < 12; i++) {
    await drain();
    fixture.clock.pass(5 * MINUTE);
  }
}

export async function loseMessages(): Promise<void> {
  for (;;) {
    const [message] = await fixture.stores.queue.receive(PURGE_QUEUE.name, 1, 30);
    if (!message) return;
    await fixture.stores.queue.remove(PURGE_QUEUE.name, message);
  }
}

/** Everything stored about a record but its tombstone. */
export async function documentsOf(id: string, of = workspace): Promise<string[]> {
  const ids: string[] = [];
  for await (const page of fixture.stores.documents.runs.list(runsPartition(of, id))) {
    ids.push(...page.filter(({ item }) => !("kind" in item && item.kind === "tombstone")).map(({ item }) => item.id));
  }
  return ids;
}

export async function blobs(of = workspace): Promise<string[]> {
  const names: string[] = [];
  for (const container of ["artifacts", "values", "metrics", "search"]) {
    for await (const page of fixture.stores.blobs.list(`${container}/${of.id}/`))
      names.push(...page.blobs.map(({ name }) => name));
  }
  return names;
}

export async function catalogOf(of = workspace): Promise<string[]> {
  const ids: string[] = [];
  for await (const page of fixture.stores.documents.catalog.list(of.id)) {
    ids.push(...page.filter(({ item }) => !("kind" in item && item.kind === "tombstone")).map(({ item }) => item.id));
  }
  return ids;
}

export async function foundRuns(experimentId: string, of = workspace): Promise<string[]> {
  const request = { clauses: [], orderBy: [], limit: 100, view: "ALL" as const };
  const [warm, cold] = await Promise.all(
    [of, withColdMemory(of)].map((reader) => searchRuns(reader, [experimentId], request)),
  );
  const ids = warm!.runs.map(({ runId }) => runId);
  expect(cold!.runs.map(({ runId }) => runId)).toEqual(ids);
  return ids;
}

export const LOCATIONS: [string, string | undefined][] = [
  ["its default location", undefined],
  ["a location of its own", "mlflow-artifacts:/shared/place"],
  ["a location with characters that URIs encode", "mlflow-artifacts:/shared/an%20odd%C3%A9 place"],
  ["a location with a per cent sign", "mlflow-artifacts:/shared/100% sure"],
];

export async function writeLate(experimentId: string, runId: string, folder: string): Promise<void> {
  const points = [{ key: "late", value: 1, timestamp: 1, step: 1 }];
  const item = pointsItem(fixture.clock.now(), runsScope(workspace, experimentId), runId, points);
  await appendPoints(workspace, runsPartition(workspace, runId), item);
  await put(`${folder}/${runId}/artifacts/late`);
  await workspace.stores.blobs.put(`values/${runsPartition(workspace, runId)}/late`, Buffer.from("late"));
}
