import { describe, expect, it } from "vitest";
import type { BlobPage, BlobStore } from "../../../shared/stores/blob-store.ts";
import { InvalidArgument } from "../../../shared/stores/errors.ts";
import type { BlobStoreSuite } from "../blob-store.contract.ts";
import { collect, freshName, itNeeding, refuses } from "../support.ts";
import { utf8 } from "./bytes.ts";

/** Writes blobs at these paths and returns the folder, ending in `/`, that holds them. */
async function fill(store: BlobStore, paths: readonly string[]): Promise<string> {
  const folder = `artifacts/${freshName("list")}/`;
  await Promise.all(paths.map((path) => store.put(folder + path, utf8(path))));
  return folder;
}

interface Listed {
  readonly blobs: string[];
  readonly prefixes: string[];
}

/** Paths below `folder`. */
function listed(pages: readonly BlobPage[], folder: string): Listed {
  return {
    blobs: pages.flatMap(({ blobs }) => blobs.map(({ name }) => name.slice(folder.length))),
    prefixes: pages.flatMap(({ prefixes }) => prefixes.map((prefix) => prefix.slice(folder.length))),
  };
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `i${String(i).padStart(3, "0")}`);
}

export function listingLaws({ store, unsupported }: BlobStoreSuite): void {
  async function list(folder: string, more = "", options?: { delimiter?: "/"; pageSize?: number }): Promise<Listed> {
    return listed(await collect(store().list(folder + more, options)), folder);
  }

  describe("list", () => {
    it("list: gives the properties that head gives", async () => {
      const folder = await fill(store(), ["a"]);
      await store().put(`${folder}b`, utf8("b"), { contentType: "text/plain" });
      const [page] = await collect(store().list(folder));
      expect(page?.blobs).toEqual([await store().head(`${folder}a`), await store().head(`${folder}b`)]);
    });

    it("list: goes in the order of the names' bytes, through folders", async () => {
      const paths = ["b", "a/b", "a", "B", "a!", "a0", "ab", "a/b/c", "a-", "_", "é", "z", "模", "a b"];
      const folder = await fill(store(), paths);
      const expected = ["B", "_", "a", "a b", "a!", "a-", "a/b", "a/b/c", "a0", "ab", "b", "z", "é", "模"];
      expect(await list(folder)).toEqual({ blobs: expected, prefixes: [] });
    });

    itNeeding(unsupported)("order-beyond-bmp")("list: orders by UTF-8 bytes, not by UTF-16 units", async () => {
      const folder = await fill(store(), ["\u{1f986}", "\ufffd", "\ue000"]);
      expect((await list(folder)).blobs).toEqual(["\ue000", "\ufffd", "\u{1f986}"]);
    });

    it("list: takes any beginning of a name as its prefix", async () => {
      const folder = await fill(store(), ["model/a", "model/b", "models", "mod", "x"]);
      expect((await list(folder, "mod")).blobs).toEqual(["mod", "model/a", "model/b", "models"]);
      expect((await list(folder, "model/")).blobs).toEqual(["model/a", "model/b"]);
      expect((await list(folder, "model/a")).blobs).toEqual(["model/a"]);
    });

    it("list: takes no character of the prefix for a wildcard, and heeds case", async () => {
      const folder = await fill(store(), ["a_b", "axb", "a%b", "a*b", "A_b", "a[b]"]);
      expect((await list(folder, "a_")).blobs).toEqual(["a_b"]);
      expect((await list(folder, "a%")).blobs).toEqual(["a%b"]);
      expect((await list(folder, "a*")).blobs).toEqual(["a*b"]);
      expect((await list(folder, "a[")).blobs).toEqual(["a[b]"]);
      expect((await list(folder, "A")).blobs).toEqual(["A_b"]);
    });

    it("list: has no page where nothing is", async () => {
      expect(await collect(store().list(`artifacts/${freshName("nothing")}/`))).toEqual([]);
      expect(await collect(store().list(`artifacts/${freshName("nothing")}/`, { delimiter: "/" }))).toEqual([]);
      expect(await collect(store().list("container-never-used/"))).toEqual([]);
    });

    it("list: keeps containers apart", async () => {
      const path = freshName("apart");
      await store().put(`models/${path}/a`, utf8("x"));
      expect(await collect(store().list(`artifacts/${path}/`))).toEqual([]);
    });

    it("list: with a delimiter gives the blobs and folders directly below the prefix", async () => {
      const folder = await fill(store(), ["a", "a/x", "a/y/z", "b", "c/d/e", "a!", "a!/x", "é/x"]);
      const found = await list(folder, "", { delimiter: "/" });
      expect(found).toEqual({ blobs: ["a", "a!", "b"], prefixes: ["a!/", "a/", "c/", "é/"] });
      expect(await list(folder, "a/", { delimiter: "/" })).toEqual({ blobs: ["a/x"], prefixes: ["a/y/"] });
    });

    it("list: with a delimiter takes a prefix that ends within a name", async () => {
      const folder = await fill(store(), ["model", "model/a", "models/b", "mod/c", "x/y"]);
      const found = await list(folder, "mode", { delimiter: "/" });
      expect(found).toEqual({ blobs: ["model"], prefixes: ["model/", "models/"] });
    });

    it.each([1, 2, 3, 5, 100])("list: gives all in pages of at most %i, none empty", async (pageSize) => {
      const folder = await fill(store(), numbered(7));
      const pages = await collect(store().list(folder, { pageSize }));
      for (const { blobs } of pages) expect(blobs.length > 0 && blobs.length <= pageSize).toBe(true);
      expect(listed(pages, folder).blobs).toEqual(numbered(7));
    });

    it.each([1, 2, 3, 100])("list: gives each folder once, in pages of at most %i entries", async (pageSize) => {
      const paths = ["a/1", "a/2", "a/3", "b", "c/1", "c/2", "d", "e/1/2", "e/1/3"];
      const folder = await fill(store(), paths);
      const pages = await collect(store().list(folder, { delimiter: "/", pageSize }));
      for (const { blobs, prefixes } of pages) {
        expect(blobs.length + prefixes.length).toBeGreaterThan(0);
        expect(blobs.length + prefixes.length).toBeLessThanOrEqual(pageSize);
      }
      expect(listed(pages, folder)).toEqual({ blobs: ["b", "d"], prefixes: ["a/", "c/", "e/"] });
    });

    it("list: goes on when the blob that a page stopped at is removed", async () => {
      const folder = await fill(store(), numbered(9));
      const seen: string[] = [];
      for await (const { blobs } of store().list(folder, { pageSize: 3 })) {
        seen.push(...blobs.map(({ name }) => name.slice(folder.length)));
        await store().remove(blobs.at(-1)!.name);
      }
      expect(seen).toEqual(numbered(9));
    });

    it("list: sees every other blob once when blobs are written between pages", async () => {
      const folder = await fill(store(), numbered(9));
      const seen: string[] = [];
      for await (const { blobs } of store().list(folder, { pageSize: 3 })) {
        seen.push(...blobs.map(({ name }) => name.slice(folder.length)));
        if (seen.length > 3) continue;
        for (const path of ["a", "i0025", "z", "i008"]) await store().put(folder + path, utf8("new"));
      }
      expect(seen.filter((path) => numbered(9).includes(path))).toEqual(numbered(9));
      expect(new Set(seen).size).toBe(seen.length);
    });

    it("list: may be left before its end", async () => {
      const folder = await fill(store(), numbered(4));
      for await (const { blobs } of store().list(folder, { pageSize: 1 })) {
        expect(blobs).toHaveLength(1);
        break;
      }
      await store().put(`${folder}later`, utf8("x"));
      expect((await list(folder)).blobs).toHaveLength(5);
    });

    it.each(["", "artifacts", "/", "/a", "Artifacts/", "arti facts/"])(
      "list: the prefix %j raises InvalidArgument",
      async (prefix) => {
        await refuses(collect(store().list(prefix)), InvalidArgument);
      },
    );
  });
}
