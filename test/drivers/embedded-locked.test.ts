import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreLocked } from "../../shared/stores/errors.ts";
import { type EmbeddedFixture, embeddedFixture } from "./embedded-fixture.ts";

describe.each([false, true])("a database that another program holds (durable: %s)", (durable) => {
  let fixture: EmbeddedFixture;
  let other: DatabaseSync;

  beforeEach(async () => {
    fixture = embeddedFixture({ durable });
    await fixture.stores.documents.runs.create("p", { id: "there", scope: "s" });
    await fixture.stores.blobs.put("artifacts/a", Buffer.from("x"));
    await fixture.stores.blobs.put("uploads/given", Buffer.from("x"));
    await fixture.stores.blobs.stageBlock("artifacts/c", "b1", Buffer.from("block"));
    // A sweep that has something to unlink commits first.
    await fixture.stores.blobs.remove("artifacts/a");
    await fixture.stores.sweep();
    await fixture.stores.queue.send("some-queue", "waits");
    other = new DatabaseSync(join(fixture.folder, "cairn.db"), { timeout: 0 });
    await expect.poll(holds).toBe(true);
  });
  /** Whether the other program holds it now, which it does not get while the stores have something open. */
  const holds = () => {
    try {
      other.exec("BEGIN IMMEDIATE");
      return true;
    } catch {
      return false;
    }
  };

  afterEach(async () => {
    other.close();
    await fixture.close();
  });

  const writes = (): Record<string, () => Promise<unknown>> => {
    const { documents, queue, blobs } = fixture.stores;
    return {
      create: () => documents.runs.create("p", { id: "a", scope: "s" }),
      ensure: () => documents.runs.ensure("p", { id: "b", scope: "s" }),
      batch: () => documents.catalog.batch("p", [{ kind: "create", item: { id: "c", scope: "s" } }]),
      remove: () => documents.runs.remove("p", "there"),
      send: () => queue.send("some-queue", "sent"),
      receive: () => queue.receive("some-queue", 1, 30),
      put: () => blobs.put("artifacts/a", Buffer.from("new")),
      append: () => blobs.append("artifacts/log", Buffer.from("line"), 0),
      stage: () => blobs.stageBlock("artifacts/b", "b1", Buffer.from("block")),
      commit: () => blobs.commitBlocks("artifacts/c", ["b1"]),
      handOver: () => blobs.handOver("uploads/given", "artifacts/d"),
    };
  };

  it("writes wait for it while others are served, and are done when it lets go", async () => {
    const done: string[] = [];
    const all = Object.entries(writes()).map(([name, write]) => write().then(() => done.push(name)));
    for (let turns = 0; turns < 50; turns++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      expect(await fixture.stores.documents.runs.get("p", "there")).toBeDefined();
    }
    expect(done).toEqual([]);
    other.exec("ROLLBACK");
    await Promise.all(all);
    expect(done).toHaveLength(all.length);
    expect(await fixture.stores.documents.runs.get("p", "b")).toBeDefined();
    expect((await fixture.stores.blobs.head("artifacts/log"))?.size).toBe(4);
  });

  it("writes end in a refusal that says so, having done nothing, all of them after one wait", async () => {
    const outcomes = await Promise.allSettled(Object.values(writes()).map((write) => write()));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: expect.any(StoreLocked) });
    }
    other.exec("ROLLBACK");
    const { documents, blobs, queue } = fixture.stores;
    expect(await documents.runs.get("p", "b")).toBeUndefined();
    expect(await documents.runs.get("p", "there")).toBeDefined();
    expect(await blobs.head("artifacts/log")).toBeUndefined();
    expect(await queue.count("some-queue")).toBe(1);
    await Promise.all(Object.values(writes()).map((write) => write()));
  });
});
