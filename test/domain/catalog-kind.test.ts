import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type CatalogItem, catalogKind } from "../../shared/domain/catalog-kind.ts";
import { alreadyExists, notFound } from "../../shared/domain/errors.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { AlreadyExists } from "../../shared/stores/errors.ts";
import { type DomainFixture, domainFixture } from "./support.ts";

interface ToyItem extends CatalogItem {
  readonly kind: "toy";
  readonly wheels: number;
}

const TOYS = catalogKind<ToyItem>({
  kind: "toy",
  idOf: (name) => `toy-${name}`,
  range: { from: "toy-", to: "toy." },
  scope: "toys",
  parts: "The wheels of this toy",
  unknown: (name) => notFound(`No toy '${name}'`),
});
const taken = () => alreadyExists("There is one.");

let fixture: DomainFixture;
let workspace: Workspace;

beforeAll(() => {
  fixture = domainFixture();
});
beforeEach(async () => {
  workspace = await fixture.freshWorkspace();
});
afterAll(() => fixture.close());

const wheels = async (name: string) => (await TOYS.get(workspace, name))?.item.wheels;
const addWheel = (name: string) =>
  TOYS.change(workspace, name, (toy) => ({ contents: { wheels: toy.wheels + 1 }, result: toy.wheels + 1 }));
const other = (id: string) => ({ id, scope: "others", kind: "other" });

test("create: makes one, and refuses the second in the words given", async () => {
  expect(await TOYS.create(workspace, "car", { wheels: 4 }, taken)).toEqual({
    id: "toy-car",
    scope: `${workspace.id}/toys`,
    kind: "toy",
    wheels: 4,
  });
  await expect(TOYS.create(workspace, "car", { wheels: 3 }, taken)).rejects.toThrow("There is one.");
  expect(await wheels("car")).toBe(4);
});

test("create: of many at once one makes it", async () => {
  const all = await Promise.allSettled([1, 2, 3, 4].map((n) => TOYS.create(workspace, "car", { wheels: n }, taken)));
  expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("create: a tombstone of the id gives way, and is found by nobody", async () => {
  const { catalog } = workspace.stores.documents;
  await catalog.create(workspace.id, { ...other("toy-car"), kind: "tombstone" } as never);
  expect(await TOYS.get(workspace, "car")).toBeUndefined();
  expect(await TOYS.list(workspace)).toEqual([]);
  await expect(addWheel("car")).rejects.toThrow("No toy 'car'");
  await TOYS.create(workspace, "car", { wheels: 4 }, taken);
  expect(await wheels("car")).toBe(4);
});

test("change: every one of many counts, also of those who write elsewhere", async () => {
  await TOYS.create(workspace, "car", { wheels: 0 }, taken);
  const { catalog } = workspace.stores.documents;
  let interfered = 0;
  await TOYS.change(workspace, "car", async (toy) => {
    if (interfered++ < 3) {
      const { etag, item } = (await TOYS.get(workspace, "car"))!;
      await catalog.replace(workspace.id, { ...item, wheels: item.wheels + 10 } as ToyItem, etag);
    }
    return { contents: { wheels: toy.wheels + 1 }, result: undefined };
  });
  await Promise.all([1, 2, 3, 4, 5].map(() => addWheel("car")));
  expect(await wheels("car")).toBe(36);
});

test("change: nothing to write leaves the document as it was", async () => {
  await TOYS.create(workspace, "car", { wheels: 4 }, taken);
  const { etag } = await TOYS.require(workspace, "car");
  expect(await TOYS.change(workspace, "car", () => ({ result: "same" }))).toBe("same");
  expect((await TOYS.require(workspace, "car")).etag).toBe(etag);
});

test("change: what is written beside it is written with it or not at all", async () => {
  const { catalog } = workspace.stores.documents;
  await TOYS.create(workspace, "car", { wheels: 4 }, taken);
  await catalog.create(workspace.id, other("taken") as never);
  const change = (id: string) =>
    TOYS.change(workspace, "car", () => ({
      contents: { wheels: 5 },
      also: [{ kind: "create", item: other(id) as never }],
      result: undefined,
    }));
  await expect(change("taken")).rejects.toThrow(AlreadyExists);
  expect(await wheels("car")).toBe(4);
  await change("free");
  expect([await wheels("car"), (await catalog.get(workspace.id, "free"))?.item.id]).toEqual([5, "free"]);
});

test("put: who was not first undoes what was prepared, and decides again", async () => {
  const { catalog } = workspace.stores.documents;
  const told: string[] = [];
  const result = await TOYS.put(workspace, "car", async (before) => {
    told.push(`sees ${before?.wheels ?? "none"}`);
    if (!before) {
      await catalog.create(workspace.id, TOYS.item(workspace, "car", { wheels: 7 }));
    }
    const lost = async () => void told.push("lost");
    return { contents: { wheels: (before?.wheels ?? 0) + 1 }, result: "put", lost };
  });
  expect([result, told, await wheels("car")]).toEqual(["put", ["sees none", "lost", "sees 7"], 8]);
});

test("what outgrows a document: is refused in the kind's words", async () => {
  const large = { wheels: 1, more: "x".repeat(2 * 1024 * 1024) };
  await expect(TOYS.create(workspace, "car", large, taken)).rejects.toThrow("The wheels of this toy");
  expect(await wheels("car")).toBeUndefined();
});

test("list: all of the kind, and nothing else in their range", async () => {
  for (const name of ["b", "a"]) await TOYS.create(workspace, name, { wheels: 1 }, taken);
  await workspace.stores.documents.catalog.create(workspace.id, other("toy-other") as never);
  expect((await TOYS.list(workspace)).map(({ id }) => id)).toEqual(["toy-a", "toy-b"]);
});

test("remove: gives back what it was; the second finds nothing", async () => {
  await TOYS.create(workspace, "car", { wheels: 4 }, taken);
  expect((await TOYS.remove(workspace, "car")).wheels).toBe(4);
  await expect(TOYS.remove(workspace, "car")).rejects.toThrow("No toy 'car'");
  await expect(TOYS.require(workspace, "car")).rejects.toThrow("No toy 'car'");
});
