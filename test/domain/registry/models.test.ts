import { describe, expect, it } from "vitest";
import {
  createRegisteredModel,
  deleteRegisteredModel,
  getRegisteredModel,
  renameRegisteredModel,
  resolveAlias,
  setAlias,
  setRegisteredModelTag,
  updateRegisteredModel,
} from "../../../shared/domain/registry/models.ts";
import { getModelVersion } from "../../../shared/domain/registry/versions.ts";
import { Power, raceOf, refusal, survives } from "../support.ts";
import { add, create, far, numbers, other, searched, setUpRegistry, version, workspace } from "./world.ts";

setUpRegistry();

describe("registered models", () => {
  it("create: of 20 who want one name one gets it", async () => {
    const { winners, refusals } = await raceOf(
      Array.from({ length: 20 }, (_, i) =>
        i % 2 ? create("m") : other.createRegisteredModel(far, { name: "m", tags: [] }),
      ),
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
      all.map((name, i) =>
        i % 2 ? renameRegisteredModel(workspace, name, "x") : other.renameRegisteredModel(far, name, "x"),
      ),
    );
    expect([winners.length, new Set(refusals)]).toEqual([1, new Set(["AlreadyExists"])]);
    expect(Object.keys(await searched()).sort()).toEqual(["x", ...all.filter((_, i) => i !== winners[0])].sort());
    const beside = await raceOf([
      renameRegisteredModel(workspace, "x", "y"),
      ...Array.from({ length: 5 }, () => other.createModelVersion(far, version("x"))),
    ]);
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
    expect(await getRegisteredModel(workspace, "m")).toMatchObject({
      description: "",
      tags: [],
      aliases: [],
      lastVersion: 0,
    });
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
