import { describe, expect, it } from "vitest";
import { createModelVersion } from "../../../shared/domain/registry/create-version.ts";
import {
  deleteAlias,
  deleteRegisteredModelTag,
  getRegisteredModel,
  resolveAlias,
  setAlias,
  setRegisteredModelTag,
} from "../../../shared/domain/registry/models.ts";
import { searchModelVersions, searchRegisteredModels } from "../../../shared/domain/registry/registry-index.ts";
import {
  deleteModelVersion,
  deleteModelVersionTag,
  getModelVersion,
  listVersions,
  setModelVersionTag,
  transitionStage,
  updateModelVersion,
} from "../../../shared/domain/registry/versions.ts";
import { parseModelVersionOrder } from "../../../shared/mlflow/filter/model-versions.ts";
import { Power, raceOf, refusal, survives } from "../support.ts";
import {
  add,
  create,
  everything,
  far,
  fixture,
  numbers,
  other,
  searched,
  setUpRegistry,
  version,
  workspace,
} from "./world.ts";

setUpRegistry();

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
    const stages = async () =>
      (await listVersions(workspace, await getRegisteredModel(workspace, "m"))).map((v) => v.version.stage);
    expect(await stages()).toEqual(["Archived", "Archived", "Production"]);
    await expect(transitionStage(workspace, "m", "1", "Archived", true)).rejects.toEqual(refusal("InvalidParameter"));
    await expect(transitionStage(workspace, "m", "1", "Best", false)).rejects.toEqual(
      refusal(
        "InvalidParameter",
        "Invalid Model Version stage: Best. Value must be one of None, Staging, Production, Archived.",
      ),
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
    expect(versions.filter((each) => each.version.stage === "Staging").map((each) => each.version.version)).toEqual([
      120,
    ]);
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

describe("the alias latest", () => {
  it("is the newest version, in any case of its letters, whatever was deleted; it cannot be set", async () => {
    await create("m");
    await expect(resolveAlias(workspace, "m", "latest")).rejects.toEqual(
      refusal("NotFound", "Latest version not found for model m."),
    );
    for (let i = 0; i < 4; i++) await add("m");
    await transitionStage(workspace, "m", "1", "Production", false);
    for (const [deleted, newest] of [
      ["3", 4],
      ["4", 2],
    ] as const) {
      await deleteModelVersion(workspace, "m", deleted);
      for (const alias of ["latest", "LATEST", "Latest"]) {
        expect(await resolveAlias(workspace, "m", alias)).toBe(newest);
        const copy = await createModelVersion(workspace, version("m", { source: `models:/m@${alias}` }));
        expect(copy.version.source).toBe(`models:/m/${newest}`);
        await deleteModelVersion(workspace, "m", String(copy.version.version));
      }
    }
    await expect(setAlias(workspace, "m", "Latest", 1)).rejects.toEqual(refusal("InvalidParameter", /reserved/));
    await expect(resolveAlias(workspace, "m", "newest")).rejects.toEqual(refusal("InvalidParameter"));
    await expect(resolveAlias(workspace, "unknown", "latest")).rejects.toEqual(refusal("NotFound"));
  });
});

describe("time of the last update", () => {
  it("is told by what MLflow tells it by, so that a search begins with the newest version", async () => {
    await create("m");
    for (let i = 0; i < 3; i++) {
      fixture.clock.pass(1000);
      await add("m");
    }
    const times = async () => {
      const { versions } = await searchModelVersions(workspace, { ...everything, orderBy: parseModelVersionOrder([]) });
      const { updatedMs } = await getRegisteredModel(workspace, "m");
      return { order: versions.map((each) => each.version.version), updatedMs };
    };
    const before = await times();
    expect(before.order).toEqual([3, 2, 1]);
    fixture.clock.pass(1000);
    await setModelVersionTag(workspace, "m", "1", { key: "k", value: "v" });
    await deleteModelVersionTag(workspace, "m", "1", "k");
    await setAlias(workspace, "m", "champion", 1);
    await deleteAlias(workspace, "m", "champion");
    await setRegisteredModelTag(workspace, "m", { key: "k", value: "v" });
    await deleteRegisteredModelTag(workspace, "m", "k");
    expect(await times()).toEqual(before);
    await updateModelVersion(workspace, "m", "1", "described");
    expect(await times()).toEqual({ ...before, order: [1, 3, 2] });
    fixture.clock.pass(1000);
    await transitionStage(workspace, "m", "2", "Staging", false);
    expect(await times()).toEqual({ order: [2, 1, 3], updatedMs: fixture.clock.nowMs });
  });
});
