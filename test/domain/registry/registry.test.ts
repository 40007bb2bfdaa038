import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createRegisteredModel,
  deleteAlias,
  deleteRegisteredModel,
  getRegisteredModel,
  renameRegisteredModel,
  resolveAlias,
  setAlias,
  setRegisteredModelTag,
  updateRegisteredModel,
} from "../../../shared/domain/registry/models.ts";
import { searchModelVersions, searchRegisteredModels } from "../../../shared/domain/registry/registry-index.ts";
import {
  createModelVersion,
  deleteModelVersion,
  getModelVersion,
  listVersions,
  setModelVersionTag,
  transitionStage,
  updateModelVersion,
} from "../../../shared/domain/registry/versions.ts";
import type { Workspace } from "../../../shared/domain/workspace.ts";
import { otherProcess } from "../other-process.ts";
import { type DomainFixture, domainFixture, Power, raceOf, refusal, survives, withColdMemory } from "../support.ts";

let fixture: DomainFixture;
let workspace: Workspace;
let other: Awaited<ReturnType<typeof otherProcess>>;
let far: Workspace;

beforeAll(async () => {
  fixture = domainFixture();
  other = await otherProcess();
});
beforeEach(async () => {
  workspace = await fixture.freshWorkspace();
  far = { ...workspace, memory: new other.Memory() };
});
afterAll(() => fixture.close());

const version = (name: string, more: object = {}) => ({ name, source: "s3://bucket/model", tags: [], ...more });
const create = (name: string) => createRegisteredModel(workspace, { name, tags: [] });
const add = async (name: string) => (await createModelVersion(workspace, version(name))).version.version;
const numbers = async (name: string) =>
  (await listVersions(workspace, await getRegisteredModel(workspace, name))).map((each) => each.version.version);
const everything = { clauses: [], orderBy: [], limit: 1000 };

/** Models with their versions as a warm and a cold search show them, which must agree. */
async function searched(): Promise<Record<string, number[]>> {
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

describe("versions", () => {
  it("create: 30 at once, from two processes, get 1 to 30 without gaps or doubles", async () => {
    await create("m");
    const made = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        i % 2 ? createModelVersion(workspace, version("m")) : other.createModelVersion(far, version("m")),
      ),
    );
    const expected = Array.from({ length: 30 }, (_, i) => i + 1);
    expect(made.map((each) => each.version.version).sort((a, b) => a - b)).toEqual(expected);
    expect(await numbers("m")).toEqual(expected);
    expect(await searched()).toEqual({ m: expected });
  });

  it("delete: a number is never given again, not even the highest", async () => {
    await create("m");
    for (let i = 0; i < 3; i++) await add("m");
    await deleteModelVersion(workspace, "m", "3");
    await deleteModelVersion(workspace, "m", "1");
    expect(await add("m")).toBe(4);
    expect(await numbers("m")).toEqual([2, 4]);
    expect(await searched()).toEqual({ m: [2, 4] });
    const notFound = refusal("NotFound", /Model Version \(name=m, version=3\) not found/);
    await expect(getModelVersion(workspace, "m", "3")).rejects.toEqual(notFound);
    await expect(updateModelVersion(workspace, "m", "3", "d")).rejects.toEqual(notFound);
    await expect(deleteModelVersion(workspace, "m", "3")).rejects.toEqual(notFound);
    await expect(setAlias(workspace, "m", "a", 3)).rejects.toEqual(notFound);
  });

  it("delete: of 20 at once one does it; creations beside it keep their numbers", async () => {
    await create("m");
    await add("m");
    const deletions = Array.from({ length: 20 }, (_, i) =>
      i % 2 ? deleteModelVersion(workspace, "m", "1") : other.deleteModelVersion(far, "m", "1"),
    );
    const creations = Array.from({ length: 5 }, () => add("m"));
    const { winners, refusals } = await raceOf(deletions);
    expect([winners.length, new Set(refusals)]).toEqual([1, new Set(["NotFound"])]);
    expect((await Promise.all(creations)).sort()).toEqual([2, 3, 4, 5, 6]);
    expect(await numbers("m")).toEqual([2, 3, 4, 5, 6]);
  });

  it("change: tags, description and stage set at once all stay", async () => {
    await create("m");
    await add("m");
    await Promise.all([
      ...Array.from({ length: 10 }, (_, i) => setModelVersionTag(workspace, "m", "1", { key: `k${i}`, value: "v" })),
      other.updateModelVersion(far, "m", "1", "described"),
      other.transitionStage(far, "m", "1", "production", true),
    ]);
    const { version: found } = await getModelVersion(workspace, "m", "1");
    expect([found.tags.length, found.description, found.stage]).toEqual([10, "described", "Production"]);
  });

  it("get: refuses what is no number", async () => {
    await create("m");
    await expect(getModelVersion(workspace, "m", "1.0")).rejects.toEqual(refusal("InvalidParameter"));
    await expect(getModelVersion(workspace, "m", "latest")).rejects.toEqual(refusal("InvalidParameter"));
  });
});

describe("aliases", () => {
  it("move from version to version, and go with theirs", async () => {
    await create("m");
    for (let i = 0; i < 2; i++) await add("m");
    await setAlias(workspace, "m", "champion", 1);
    await setAlias(workspace, "m", "other", 1);
    await setAlias(workspace, "m", "champion", 2);
    const aliases = async (number: string) => (await getModelVersion(workspace, "m", number)).aliases;
    expect([await aliases("1"), await aliases("2")]).toEqual([["other"], ["champion"]]);
    expect(await resolveAlias(workspace, "m", "champion")).toBe(2);
    await deleteModelVersion(workspace, "m", "2");
    await expect(resolveAlias(workspace, "m", "champion")).rejects.toEqual(
      refusal("InvalidParameter", /Registered model alias champion not found/),
    );
    for (let i = 0; i < 2; i++) await deleteAlias(workspace, "m", "other");
    expect((await getRegisteredModel(workspace, "m")).aliases).toEqual([]);
  });

  it("never point to a version that is deleted at the same time", async () => {
    await create("m");
    for (let round = 0; round < 10; round++) {
      const number = await add("m");
      await raceOf([
        setAlias(workspace, "m", "a", number),
        other.deleteModelVersion(far, "m", String(number)),
        other.setAlias(far, "m", "b", number),
      ]);
      expect((await getRegisteredModel(workspace, "m")).aliases).toEqual([]);
    }
  });

  it.each(["latest", "LATEST", "v1", "V12", "a b", "a/b", ""])("set: refuses %j", async (alias) => {
    await create("m");
    await add("m");
    await expect(setAlias(workspace, "m", alias, 1)).rejects.toEqual(refusal("InvalidParameter"));
  });
});

describe("stages", () => {
  it("archive: moves the others out of the stage, whatever the case of its name", async () => {
    await create("m");
    for (let i = 0; i < 3; i++) await add("m");
    await transitionStage(workspace, "m", "1", "PRODUCTION", false);
    await transitionStage(workspace, "m", "2", "production", false);
    await transitionStage(workspace, "m", "3", "Production", true);
    const stages = async () => (await listVersions(workspace, await getRegisteredModel(workspace, "m"))).map((v) => v.version.stage);
    expect(await stages()).toEqual(["Archived", "Archived", "Production"]);
    await expect(transitionStage(workspace, "m", "1", "Archived", true)).rejects.toEqual(refusal("InvalidParameter"));
    await expect(transitionStage(workspace, "m", "1", "Best", false)).rejects.toEqual(
      refusal("InvalidParameter", "Invalid Model Version stage: Best. Value must be one of None, Staging, Production, Archived."),
    );
    await expect(transitionStage(workspace, "m", "9", "Production", true)).rejects.toEqual(refusal("NotFound"));
    expect(await stages()).toEqual(["Archived", "Archived", "Production"]);
  });

  it("archive: of ten who move into a stage at once, archiving the others, exactly one stays there", async () => {
    await create("m");
    for (let i = 0; i < 10; i++) await add("m");
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        i % 2
          ? transitionStage(workspace, "m", String(i + 1), "Production", true)
          : other.transitionStage(far, "m", String(i + 1), "Production", true),
      ),
    );
    const versions = await listVersions(workspace, await getRegisteredModel(workspace, "m"));
    expect(versions.filter((each) => each.version.stage === "Production")).toHaveLength(1);
    expect(versions.filter((each) => each.version.stage === "Archived")).toHaveLength(9);
  });

  it("archive: a death at any write leaves the stage as it was, or as it should be", async () => {
    for (let write = 1; write < 20; write++) {
      for (const reachesStore of [false, true]) {
        const name = `m-${write}-${reachesStore}`;
        await create(name);
        for (let i = 0; i < 4; i++) await add(name);
        for (const number of ["1", "2"]) await transitionStage(workspace, name, number, "Production", false);
        const power = new Power();
        power.failAt(write, reachesStore);
        const dying = { ...workspace, stores: power.feed(workspace.stores) };
        const done = await survives(() => transitionStage(dying, name, "3", "Production", true));
        const inStage = (await listVersions(workspace, await getRegisteredModel(workspace, name)))
          .filter((each) => each.version.stage === "Production")
          .map((each) => each.version.version);
        expect(done ? [[3]] : [[1, 2], [3]]).toContainEqual(inStage);
        if (done) return;
      }
    }
    expect.unreachable();
  });

  it("archive: works on hundreds of versions with long texts", async () => {
    await create("m");
    const text = { key: "text", value: "x".repeat(50_000) };
    for (let i = 0; i < 120; i++) await createModelVersion(workspace, version("m", { tags: [text] }));
    for (let i = 1; i <= 119; i++) await transitionStage(workspace, "m", String(i), "Staging", false);
    await transitionStage(workspace, "m", "120", "Staging", true);
    const versions = await listVersions(workspace, await getRegisteredModel(workspace, "m"));
    expect(versions.filter((each) => each.version.stage === "Staging").map((each) => each.version.version)).toEqual([120]);
  });

  it("latest versions of a found model: the highest of each stage", async () => {
    await create("m");
    for (let i = 0; i < 4; i++) await add("m");
    await transitionStage(workspace, "m", "1", "Staging", false);
    await transitionStage(workspace, "m", "2", "Staging", false);
    const { models } = await searchRegisteredModels(workspace, everything);
    expect(models[0]!.latest.map((each) => [each.version.version, each.version.stage])).toEqual([
      [2, "Staging"],
      [4, "None"],
    ]);
  });
});

describe("registered models", () => {
  it("create: of 20 who want one name one gets it", async () => {
    const { winners, refusals } = await raceOf(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? create("m") : other.createRegisteredModel(far, { name: "m", tags: [] }))),
    );
    expect([winners.length, new Set(refusals)]).toEqual([1, new Set(["AlreadyExists"])]);
  });

  it("rename: keeps versions, tags and aliases, frees the old name at once, refuses a taken one", async () => {
    await create("old");
    await create("taken");
    for (let i = 0; i < 2; i++) await add("old");
    await setAlias(workspace, "old", "a", 2);
    await setRegisteredModelTag(workspace, "old", { key: "k", value: "v" });
    expect(await searched()).toEqual({ old: [1, 2], taken: [] });
    await renameRegisteredModel(workspace, "old", "new");
    expect(await searched()).toEqual({ new: [1, 2], taken: [] });
    expect(await resolveAlias(workspace, "new", "a")).toBe(2);
    expect((await getRegisteredModel(workspace, "new")).tags).toEqual([["k", "v"]]);
    await expect(getRegisteredModel(workspace, "old")).rejects.toEqual(refusal("NotFound"));
    await expect(renameRegisteredModel(workspace, "new", "taken")).rejects.toEqual(refusal("AlreadyExists"));
    await create("old");
    expect([await add("old"), await add("new")]).toEqual([1, 3]);
    expect(await searched()).toEqual({ new: [1, 2, 3], old: [1], taken: [] });
    await renameRegisteredModel(workspace, "new", "newest");
    await renameRegisteredModel(workspace, "old", "new");
    await renameRegisteredModel(workspace, "newest", "old");
    expect(await searched()).toEqual({ new: [1], old: [1, 2, 3], taken: [] });
  });

  it("rename: of ten models that want one name one gets it; versions made meanwhile go along", async () => {
    const all = Array.from({ length: 10 }, (_, i) => `m${i}`);
    for (const name of all) await create(name);
    const { winners, refusals } = await raceOf(
      all.map((name, i) => (i % 2 ? renameRegisteredModel(workspace, name, "x") : other.renameRegisteredModel(far, name, "x"))),
    );
    expect([winners.length, new Set(refusals)]).toEqual([1, new Set(["AlreadyExists"])]);
    expect(Object.keys(await searched()).sort()).toEqual(["x", ...all.filter((_, i) => i !== winners[0])].sort());
    const beside = await raceOf([renameRegisteredModel(workspace, "x", "y"), ...Array.from({ length: 5 }, () => other.createModelVersion(far, version("x")))]);
    const made = beside.winners.length - 1;
    expect(await numbers("y")).toEqual(Array.from({ length: made }, (_, i) => i + 1));
  });

  it("delete and create again: the new one sees nothing of the old one", async () => {
    await createRegisteredModel(workspace, { name: "m", description: "old", tags: [{ key: "k", value: "v" }] });
    for (let i = 0; i < 3; i++) await add("m");
    await setAlias(workspace, "m", "a", 1);
    expect(await searched()).toEqual({ m: [1, 2, 3] });
    await deleteRegisteredModel(workspace, "m");
    await expect(deleteRegisteredModel(workspace, "m")).rejects.toEqual(refusal("NotFound"));
    await create("m");
    expect(await getRegisteredModel(workspace, "m")).toMatchObject({ description: "", tags: [], aliases: [], lastVersion: 0 });
    expect(await searched()).toEqual({ m: [] });
    await expect(getModelVersion(workspace, "m", "1")).rejects.toEqual(refusal("NotFound"));
    expect(await add("m")).toBe(1);
    expect(await searched()).toEqual({ m: [1] });
  });

  it("delete: takes 250 versions; creations beside it are taken along or refused; dying on the way, it can be repeated", async () => {
    await create("m");
    for (let i = 0; i < 250; i++) await add("m");
    const power = new Power();
    power.failAt(2, true);
    await survives(() => deleteRegisteredModel({ ...workspace, stores: power.feed(workspace.stores) }, "m"));
    expect((await numbers("m")).length).toBeLessThan(250);
    const [, ...creations] = await Promise.allSettled([
      deleteRegisteredModel(workspace, "m"),
      ...Array.from({ length: 5 }, () => other.createModelVersion(far, version("m"))),
    ]);
    for (const creation of creations) if (creation.status === "rejected") expect(creation.reason.code).toBe("NotFound");
    expect(await searched()).toEqual({});
    await create("m");
    expect(await numbers("m")).toEqual([]);
  });

  it("update: changes of ten at once all stay", async () => {
    await create("m");
    await Promise.all([
      ...Array.from({ length: 9 }, (_, i) => setRegisteredModelTag(workspace, "m", { key: `k${i}`, value: "v" })),
      other.updateRegisteredModel(far, "m", "described"),
    ]);
    const model = await getRegisteredModel(workspace, "m");
    expect([model.tags.length, model.description]).toEqual([9, "described"]);
    await updateRegisteredModel(workspace, "m", "");
    expect((await getRegisteredModel(workspace, "m")).description).toBe("");
  });
});
