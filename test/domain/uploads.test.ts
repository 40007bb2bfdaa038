import { afterAll, beforeAll, expect, it } from "vitest";
import { beginUpload, completeUpload, sweepUploads } from "../../shared/domain/uploads.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { type DomainFixture, domainFixture } from "./support.ts";

const DAY_MS = 24 * 3_600 * 1_000;
let fixture: DomainFixture;
let workspace: Workspace;

beforeAll(async () => {
  fixture = domainFixture();
  workspace = await fixture.freshWorkspace();
});
afterAll(() => fixture.close());

async function left(): Promise<string[]> {
  const names: string[] = [];
  for await (const { blobs } of workspace.stores.blobs.list("uploads/")) names.push(...blobs.map(({ name }) => name));
  return names;
}

async function upload(file: string): Promise<{ staging: string; uploadId: string }> {
  const { uploadId, targets } = await beginUpload(workspace, file, 1);
  const staging = new URL(targets[0]!.url).pathname.replace(/^\/_blobs\//, "");
  await workspace.stores.blobs.stageBlock(staging, "part-00001", Buffer.from(file));
  return { staging, uploadId };
}

it("sweep: what uploads leave goes after a day, whoever wrote it and whatever became of its workspace", async () => {
  const { blobs } = workspace.stores;
  const { uploadId } = await upload("completed.bin");
  await completeUpload(workspace, "completed.bin", uploadId, [1], "text/plain");
  const { staging } = await upload("late.bin");
  await blobs.commitBlocks(staging, ["part-00001"]);
  await blobs.put("uploads/gone-workspace/0123456789abcdef-0", Buffer.from("late"));
  expect(await left()).toHaveLength(3);
  const at = (ms: number) => ({ ...workspace, clock: { ...workspace.clock, now: () => workspace.clock.now() + ms } });
  await sweepUploads(at(DAY_MS - 60_000));
  expect(await left()).toHaveLength(3);
  await sweepUploads(at(-DAY_MS));
  expect(await left()).toHaveLength(3);
  await sweepUploads(at(DAY_MS + 60_000));
  expect(await left()).toEqual([]);
  expect(await blobs.head(`artifacts/${workspace.id}/completed.bin`)).toBeDefined();
});

it("complete: a death after any of its writes leaves an upload that the same call completes", async () => {
  const { blobs } = workspace.stores;
  const file = "dies.bin";
  const { staging, uploadId } = await upload(file);
  const complete = (store = blobs) =>
    completeUpload({ ...workspace, stores: { ...workspace.stores, blobs: store } }, file, uploadId, [1], "text/plain");
  const dead = () => Promise.reject(new Error("killed"));
  const without = (name: "commitBlocks" | "handOver") =>
    new Proxy(blobs, {
      get: (target, key) => (key === name ? dead : Reflect.get(target, key).bind(target)),
    });
  await expect(complete(without("commitBlocks"))).rejects.toThrow("killed");
  await expect(complete(without("handOver"))).rejects.toThrow("killed");
  expect(await blobs.head(`artifacts/${workspace.id}/${file}`)).toBeUndefined();
  await complete();
  await complete();
  expect(await blobs.head(`artifacts/${workspace.id}/${file}`)).toMatchObject({
    size: file.length,
    contentType: "text/plain",
  });
  expect((await blobs.head(staging))?.size).toBe(0);
});
