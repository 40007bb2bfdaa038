import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished } from "vitest";
import { backUp } from "../../shared/drivers/embedded/backup.ts";
import { embeddedFixture } from "./embedded-fixture.ts";

const MEGABYTE = 1024 * 1024;

function fixtureOfTest(options?: Parameters<typeof embeddedFixture>[0]) {
  const fixture = embeddedFixture(options);
  onTestFinished(() => fixture.close());
  const sizeOf = (folder = fixture.folder) => statSync(join(folder, "cairn.db")).size;
  return { fixture, sizeOf };
}

it.each([false, true])(
  "space: of what was removed comes back while the stores are used, durable: %s",
  async (durable) => {
    const { fixture, sizeOf } = fixtureOfTest({ durable });
    const { runs } = fixture.stores.documents;
    const text = "x".repeat(100_000);
    for (let n = 0; n < 100; n++) await runs.create("p", { id: `large-${n}`, scope: "s", text } as never);
    await runs.create("p", { id: "kept", scope: "s" });
    for (let n = 0; n < 100; n++) await runs.remove("p", `large-${n}`);
    let writes = 0;
    const size = async () => {
      await runs.create("p", { id: `small-${writes++}`, scope: "s" });
      return sizeOf();
    };
    // It has grown before it shrinks.
    await expect.poll(size, { timeout: 20_000 }).toBeGreaterThan(5 * MEGABYTE);
    await expect.poll(size, { timeout: 20_000 }).toBeLessThan(2 * MEGABYTE);
    expect(await runs.get("p", "kept")).toBeDefined();
    await fixture.reopen();
    expect(await fixture.stores.documents.runs.get("p", "small-0")).toBeDefined();
  },
);

it("space: a copy has no free pages, and gives back its own from then on", async () => {
  const { fixture, sizeOf } = fixtureOfTest();
  await fixture.stores.close();
  const database = new DatabaseSync(join(fixture.folder, "cairn.db"));
  database.exec("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM");
  database.exec("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(9000000)); DROP TABLE t");
  database.close();
  const copy = `${fixture.folder}-copy`;
  onTestFinished(() => rmSync(copy, { recursive: true }));
  await backUp(fixture.folder, copy);
  const made = new DatabaseSync(join(copy, "cairn.db"));
  expect(made.prepare("PRAGMA auto_vacuum").get()).toEqual({ auto_vacuum: 2 });
  made.close();
  expect([sizeOf() > 8 * MEGABYTE, sizeOf(copy) < MEGABYTE]).toEqual([true, true]);
  fixture.open();
});
