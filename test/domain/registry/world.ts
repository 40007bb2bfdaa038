import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { createModelVersion } from "../../../shared/domain/registry/create-version.ts";
import { createRegisteredModel, getRegisteredModel } from "../../../shared/domain/registry/models.ts";
import { searchModelVersions, searchRegisteredModels } from "../../../shared/domain/registry/registry-index.ts";
import { listVersions } from "../../../shared/domain/registry/versions.ts";
import type { Workspace } from "../../../shared/domain/workspace.ts";
import { otherProcess } from "../other-process.ts";
import { type DomainFixture, domainFixture, withColdMemory } from "../support.ts";

/** Of the running test; importers see the current values. `far` is the same workspace in the process `other`. */
export let workspace: Workspace;
export let far: Workspace;
export let other: Awaited<ReturnType<typeof otherProcess>>;

export let fixture: DomainFixture;

/** Gives each test a workspace without models. */
export function setUpRegistry(): void {
  beforeAll(async () => {
    fixture = domainFixture();
    other = await otherProcess();
  });
  beforeEach(async () => {
    workspace = await fixture.freshWorkspace();
    far = { ...workspace, memory: new other.Memory() };
  });
  afterAll(() => fixture.close());
}

export const version = (name: string, more: object = {}) => ({ name, source: "s3://bucket/model", tags: [], ...more });
export const create = (name: string) => createRegisteredModel(workspace, { name, tags: [] });
export const add = async (name: string) => (await createModelVersion(workspace, version(name))).version.version;
export const numbers = async (name: string) =>
  (await listVersions(workspace, await getRegisteredModel(workspace, name))).map((each) => each.version.version);
export const everything = { clauses: [], orderBy: [], limit: 1000 };

/** Models with their versions as a warm and a cold search show them, which must agree. */
export async function searched(): Promise<Record<string, number[]>> {
  const [warm, cold] = await Promise.all(
    [workspace, withColdMemory(workspace)].map(async (reader) => {
      const { models } = await searchRegisteredModels(reader, everything);
      const { versions } = await searchModelVersions(reader, everything);
      const found: [string, number[]][] = models.map(({ model }) => [model.name, []]);
      const byName = Object.fromEntries(found);
      for (const each of versions) byName[each.name]!.push(each.version.version);
      for (const list of Object.values(byName)) list.sort((a, b) => a - b);
      return byName;
    }),
  );
  expect(warm).toEqual(cold);
  return warm!;
}
