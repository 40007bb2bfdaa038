import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { Checkpointer } from "../../shared/drivers/sqlite/checkpointer.ts";
import { temporaryFolder } from "./embedded-fixture.ts";

it("a thread that dies takes nothing along of the one that takes its place", async () => {
  const parent = temporaryFolder();
  const folder = join(parent, "not-there-yet");
  const connection = new DatabaseSync(":memory:");
  const checkpointer = new Checkpointer(join(folder, "cairn.db"), connection);
  const first = checkpointer.checkpoint().then((isWhole) => {
    mkdirSync(folder);
    return isWhole;
  });
  const second = checkpointer.checkpoint();
  expect(await first).toBe(false);
  expect(await second).toBe(true);
  await checkpointer.close();
  connection.close();
  rmSync(parent, { recursive: true });
});
