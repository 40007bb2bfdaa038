import { describe, expect, it } from "vitest";
import type { Item } from "../../../shared/stores/document-store.ts";
import { InvalidArgument, TooLarge } from "../../../shared/stores/errors.ts";
import type { DocumentStoreSuite } from "../document-store.contract.ts";
import { freshName, LONE_SURROGATE, refuses } from "../support.ts";

interface Holder extends Item {
  readonly value: unknown;
}

function holder(value: unknown, id = "a"): Holder {
  return { id, scope: "values", value };
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { in: value };
  return value;
}

const KEPT: [string, unknown][] = [
  ["null, booleans, empty texts, arrays and objects", [null, true, false, "", [], {}]],
  ["the greatest whole numbers", [2 ** 53 - 1, -(2 ** 53 - 1)]],
  ["the smallest numbers", [5e-324, -5e-324, 2.2250738585072014e-308]],
  ["fractions", [0.1, 1 / 3, -1234.5678, 1e-7]],
  ["unicode texts", "größe 模型 🦆 é e\u0301 \u{10ffff} \ufffd \ufeff"],
  ["NUL and control characters", "a\0b\u0001\u001f\u007f\r\n\t"],
  ["line separators", "\u2028\u2029"],
  ["quotes and backslashes", `"'\`\\ \\u0041 ' OR 1=1 --`],
  [
    "keys with dots, quotes, blanks and unicode",
    { "a.b": 1, "a'b": 2, 'a"b': 3, " ": 4, "": 5, "🦆\0\u2028": 6, $ref: 7 },
  ],
  ["keys that are numbers, in any order", { 10: "a", 9: "b", "01": "c" }],
  ["keys that JavaScript knows", JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "toString": 3, "length": 4}')],
  ["a text that looks like JSON", '{"id":"b"}'],
  ["2,000 members", Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`metric/${i}`, i / 7]))],
  ["90 levels", nested(90)],
];

const REFUSED: [string, unknown][] = [
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity in an array", [1, [Number.NEGATIVE_INFINITY]]],
  ["a whole number beyond 2^53-1", 2 ** 53],
  ["a whole number below -(2^53-1)", { deep: [-(2 ** 53)] }],
  ["a lone surrogate", LONE_SURROGATE],
  ["a lone surrogate in a key", { [LONE_SURROGATE]: 1 }],
  ["more than 100 levels", nested(101)],
  ["very many levels", nested(5_000)],
];

const BAD_ITEMS: [string, Item][] = [
  ["an empty id", { id: "", scope: "s" }],
  ["an id with a slash", { id: "a/b", scope: "s" }],
  ["an id with a dot", { id: "a.b", scope: "s" }],
  ["an id with a blank", { id: "a b", scope: "s" }],
  ["an id with a line end", { id: "a\n", scope: "s" }],
  ["an id with a letter that is not ASCII", { id: "é", scope: "s" }],
  ["an id of 256 characters", { id: "i".repeat(256), scope: "s" }],
  ["a scope of 256 characters", { id: "a", scope: "s".repeat(256) }],
  ["a scope with a lone surrogate", { id: "a", scope: LONE_SURROGATE }],
  ["a unique of 256 characters", { id: "a", scope: "s", unique: "u".repeat(256) }],
  ["a unique with a lone surrogate", { id: "a", scope: "s", unique: LONE_SURROGATE }],
];

export function valueLaws({ store }: DocumentStoreSuite): void {
  describe("values", () => {
    it.each(KEPT)("values: %s read back unchanged", async (_, value) => {
      const partition = freshName("p");
      await store().create(partition, holder(value));
      const read = await store().get<Holder>(partition, "a");
      expect(JSON.stringify(read?.item.value)).toBe(JSON.stringify(value));
    });

    it("values: -0 reads back as 0", async () => {
      const partition = freshName("p");
      await store().create(partition, holder([-0]));
      expect((await store().get<Holder>(partition, "a"))?.item.value).toStrictEqual([0]);
    });

    it("values: undefined members are dropped", async () => {
      const partition = freshName("p");
      await store().create(partition, { ...holder({ a: undefined, b: 1 }), unique: undefined, ttl: undefined });
      expect((await store().get<Holder>(partition, "a"))?.item).toStrictEqual(holder({ b: 1 }));
    });

    it.each(REFUSED)("values: %s raises InvalidArgument in create, replace and batch", async (_, value) => {
      const partition = freshName("p");
      await refuses(store().create(partition, holder(value)), InvalidArgument);
      await refuses(store().batch(partition, [{ kind: "create", item: holder(value) }]), InvalidArgument);
      const etag = await store().create(partition, holder("good"));
      await refuses(store().replace(partition, holder(value), etag), InvalidArgument);
      expect((await store().get<Holder>(partition, "a"))?.item.value).toBe("good");
    });

    it.each(BAD_ITEMS)("values: %s raises InvalidArgument", async (_, item) => {
      const partition = freshName("p");
      await refuses(store().create(partition, item), InvalidArgument);
      await refuses(store().batch(partition, [{ kind: "create", item }]), InvalidArgument);
    });

    it("values: ids, scopes and uniques of 255 characters are taken", async () => {
      const partition = freshName("p");
      const item = { id: "i".repeat(255), scope: "é".repeat(255), unique: "模".repeat(255) };
      await store().create(partition, item);
      expect((await store().get(partition, item.id))?.item).toEqual(item);
    });

    it.each([
      ["ASCII", "x".repeat(1_900_000)],
      ["texts of three bytes a character", "模".repeat(640_000)],
      ["texts that JSON escapes", "\n".repeat(950_000)],
    ])("values: an item of 1.9 MB of %s reads back unchanged", async (_, text) => {
      const partition = freshName("p");
      await store().create(partition, holder(text));
      expect((await store().get<Holder>(partition, "a"))?.item.value === text).toBe(true);
    });

    it.each([
      ["ASCII", "x".repeat(2 * 1024 * 1024)],
      ["texts of three bytes a character", "模".repeat(700_000)],
      ["texts that JSON escapes", "\n".repeat(1_050_000)],
    ])("values: an item over 2 MB of %s raises TooLarge", async (_, text) => {
      const partition = freshName("p");
      await refuses(store().create(partition, holder(text)), TooLarge);
      const etag = await store().create(partition, holder("small"));
      await refuses(store().replace(partition, holder(text), etag), TooLarge);
      expect((await store().get<Holder>(partition, "a"))?.item.value).toBe("small");
    });
  });
}
