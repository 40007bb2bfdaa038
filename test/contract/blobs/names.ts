import { describe, expect, it } from "vitest";
import { InvalidArgument } from "../../../shared/stores/errors.ts";
import type { BlobStoreSuite } from "../blob-store.contract.ts";
import { collect, freshName, LONE_SURROGATE, refuses } from "../support.ts";
import { readText, utf8 } from "./bytes.ts";

const ODD_NAMES = [
  "with blanks in it",
  "plus+plus",
  "per%cent",
  "%41",
  "%2F",
  "%",
  "a?b=c&d#e",
  `quotes '"\``,
  "stars*[brackets]{braces}|pipe",
  "colon:semi;comma,equals=",
  "<angle>&amp;",
  "größe/模型/🦆",
  "e\u0301",
  "é",
  "under_score",
  "$root~tilde!@^",
  "...",
  ".hidden/..also",
  "con/aux/nul.txt",
  "trailing blank /x",
];

const BAD_NAMES: [string, string][] = [
  ["nothing", ""],
  ["a container without a path", "artifacts"],
  ["a container with an empty path", "artifacts/"],
  ["no container", "/a"],
  ["a container with capitals", "Artifacts/a"],
  ["a container with an underscore", "arti_facts/a"],
  ["an empty segment", "artifacts/a//b"],
  ["an empty last segment", "artifacts/a/"],
  ["an empty first segment", "artifacts//a"],
  ["the segment .", "artifacts/a/./b"],
  ["the segment ..", "artifacts/a/../b"],
  [".. at first", "artifacts/../secrets/a"],
  [".. at last", "artifacts/a/.."],
  ["a backslash", "artifacts/a\\b"],
  ["a NUL", "artifacts/a\0b"],
  ["a line end", "artifacts/a\n"],
  ["a control character", "artifacts/a\u007fb"],
  ["a lone surrogate", `artifacts/${LONE_SURROGATE}`],
  ["a path of 255 segments", `artifacts/${"a/".repeat(254)}a`],
];

export function nameLaws({ store }: BlobStoreSuite): void {
  describe("names", () => {
    it.each(ODD_NAMES)("names: %j is one", async (path) => {
      const name = `artifacts/${freshName("names")}/${path}`;
      await store().put(name, utf8(path));
      expect(await readText(store(), name)).toBe(path);
      expect((await store().head(name))?.name).toBe(name);
      const listed = (await collect(store().list(name))).flatMap(({ blobs }) => blobs.map((blob) => blob.name));
      expect(listed).toEqual([name]);
      expect(await store().remove(name)).toBe(true);
    });

    it.each([
      ["a blob and a folder of the same name", ["a", "a/b", "a/b/c"]],
      ["case", ["a", "A", "a/B", "A/b"]],
      ["composition", ["é", "e\u0301"]],
      ["encoding", ["a b", "a+b", "a%20b"]],
    ])("names: tells blobs apart that differ in %s", async (_, paths) => {
      const folder = `artifacts/${freshName("names")}`;
      for (const path of paths) await store().put(`${folder}/${path}`, utf8(path));
      for (const path of paths) expect(await readText(store(), `${folder}/${path}`)).toBe(path);
      await store().remove(`${folder}/${paths[0]}`);
      for (const path of paths.slice(1)) expect(await readText(store(), `${folder}/${path}`)).toBe(path);
    });

    it("names: tells containers apart", async () => {
      const path = freshName("names");
      await store().put(`artifacts/${path}`, utf8("artifact"));
      await store().put(`models/${path}`, utf8("model"));
      expect(await readText(store(), `artifacts/${path}`)).toBe("artifact");
      expect(await readText(store(), `models/${path}`)).toBe("model");
    });

    it.each([
      ["1,024 characters", "n".repeat(1_024)],
      ["254 segments", `${"s/".repeat(253)}s`],
      ["segments of 300 characters", `${"s".repeat(300)}/${"s".repeat(300)}`],
    ])("names: a path of %s is one", async (_, path) => {
      await store().put(`snapshots/${path}`, utf8("x"));
      expect((await store().head(`snapshots/${path}`))?.name).toBe(`snapshots/${path}`);
    });

    it("names: a path has at most maxPathLength characters", async () => {
      const maxPathLength = store().maxPathLength();
      expect(maxPathLength).toBeGreaterThanOrEqual(1_024);
      const longest = `snapshots/${"l".repeat(maxPathLength)}`;
      await store().put(longest, utf8("x"));
      expect(await readText(store(), longest)).toBe("x");
      await refuses(store().put(`${longest}l`, utf8("x")), InvalidArgument);
      await refuses(store().head(`${longest}l`), InvalidArgument);
    });

    it.each(BAD_NAMES)("names: %s raises InvalidArgument", async (_, name) => {
      await refuses(store().put(name, utf8("x")), InvalidArgument);
      await refuses(store().get(name), InvalidArgument);
      await refuses(store().head(name), InvalidArgument);
      await refuses(store().remove(name), InvalidArgument);
      await refuses(store().stageBlock(name, "b1", utf8("x")), InvalidArgument);
      await refuses(store().commitBlocks(name, []), InvalidArgument);
      await refuses(store().signedUrl(name, 60), InvalidArgument);
    });
  });
}
