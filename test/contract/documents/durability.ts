import { describe, expect, it } from "vitest";
import type { DocumentStoreSuite } from "../document-store.contract.ts";
import { collect } from "../support.ts";

export function durabilityLaws({ makeStore }: DocumentStoreSuite): void {
  describe("instances", () => {
    it("instances: another one sees what was acknowledged, and takes ETags and marks", async () => {
      const fixture = await makeStore();
      try {
        const kept = await fixture.store.create("p", { id: "kept", scope: "s" });
        await fixture.store.create("p", { id: "removed", scope: "s" });
        await fixture.store.remove("p", "removed");
        const { mark } = await fixture.store.changes("s");
        const other = await fixture.another();
        expect((await collect(other.list("p"))).flat().map(({ item, etag }) => [item.id, etag])).toEqual([
          ["kept", kept],
        ]);
        const replaced = await other.replace("p", { id: "kept", scope: "s", unique: "x" }, kept);
        const created = await other.create("p", { id: "removed", scope: "s" });
        const etags = (await other.changes("s", mark)).items.map(({ etag }) => etag);
        expect(etags).toContain(replaced);
        expect(etags).toContain(created);
      } finally {
        await fixture.close();
      }
    });
  });
}
