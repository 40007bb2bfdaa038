import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BLOBS, CATALOG, digits, type IdsOf, RECORD, WORKSPACES } from "../../shared/domain/stored-names.ts";
import { BLOB_CONTAINERS } from "../../shared/stores/stores.ts";

const SPACES: readonly (readonly [string, Readonly<Record<string, IdsOf>>])[] = [
  ["catalog", CATALOG],
  ["workspaces", WORKSPACES],
  ["record", RECORD],
];
const ALL = SPACES.flatMap(([, space]) => Object.values(space));

/** Listing experiments finds their names, too: whoever lists them looks at the kind. */
const KNOWN_OVERLAPS = ["experiment-name- within experiment-"];

test.each(SPACES)("stored names, %s: the ids of one kind lie in no other kind's range", (_, space) => {
  const kinds = Object.values(space);
  const overlaps = kinds.flatMap((outer) => {
    const { from, to } = outer.all();
    return kinds
      .filter((inner) => inner !== outer && from <= inner.of("a") && inner.of("a") < to)
      .map((inner) => `${inner.prefix} within ${outer.prefix}`);
  });
  expect(overlaps.filter((overlap) => !KNOWN_OVERLAPS.includes(overlap))).toEqual([]);
});

test("stored names: a range holds the ids of its parts and no others", () => {
  const { from, to } = CATALOG.versions.all("k1");
  const within = (id: string) => from <= id && id < to;
  expect(within(CATALOG.versions.of("k1", digits(1, 10)))).toBe(true);
  expect(within(CATALOG.versions.of("k1", digits(9_999_999_999, 10)))).toBe(true);
  expect(
    [CATALOG.versions.of("k1"), CATALOG.versions.of("k10", "1"), CATALOG.versions.of("k0", "1")].some(within),
  ).toBe(false);
  expect([12, 2, 100].map((number) => digits(number, 5)).sort()).toEqual(["00002", "00012", "00100"]);
});

test("stored names: a workspace's blobs lie in the container that is named, under its id", () => {
  for (const container of BLOB_CONTAINERS) expect(BLOBS[container]("w1", "x")).toBe(`${container}/w1/x`);
});

test("stored names: no other file of the domain spells one", () => {
  const root = join(import.meta.dirname, "../../shared/domain");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(50);
  const starts = [...ALL.map(({ prefix }) => prefix), ...BLOB_CONTAINERS.map((container) => `${container}/`)];
  const spelled = new RegExp(`["\`](?:${starts.join("|")})(?:"|\\$\\{)`);
  const found = files
    .filter((file) => file !== "stored-names.ts")
    .flatMap((file) =>
      readFileSync(join(root, file), "utf8")
        .split("\n")
        // The default name of a logged model is no id.
        .filter((line) => spelled.test(line) && !line.includes("input.name"))
        .map((line) => `${file}: ${line.trim()}`),
    );
  expect(found).toEqual([]);
});
