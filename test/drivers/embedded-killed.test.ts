import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it, onTestFinished } from "vitest";
import { type EmbeddedStores, openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import { read } from "../contract/blobs/bytes.ts";
import { collect } from "../contract/support.ts";
import { ManualClock, temporaryFolder } from "./embedded-fixture.ts";

const WRITER = join(import.meta.dirname, "write-until-killed.ts");

const KINDS = ["document", "counter", "pair", "message", "blob", "block", "piece"];

/** The greatest number acknowledged of each kind. */
type Acknowledged = Record<string, number>;

function folderOfTest(): string {
  const folder = temporaryFolder();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function open(folder: string): EmbeddedStores {
  return openEmbedded({ folder, clock: new ManualClock(), baseUrl: () => "http://127.0.0.1:1" });
}

/** Lets a process of its own write, and kills it, as `kill -9` does, after so many acknowledgements, some of each kind. */
async function writeAndKill(folder: string, acknowledgements: number): Promise<Acknowledged> {
  const writer = spawn(process.execPath, ["--no-warnings", WRITER, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(writer, "exit");
  const last: Acknowledged = {};
  let lines = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    const [what, number] = line.split(" ");
    last[what!] = Number(number);
    lines++;
    if (lines >= acknowledgements && KINDS.every((kind) => kind in last)) writer.kill("SIGKILL");
  }
  const [, signal] = await exited;
  expect(signal).toBe("SIGKILL");
  return last;
}

function filesIn(folder: string): string[] {
  return readdirSync(join(folder, "blobs"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function expectDocuments(stores: EmbeddedStores, last: Acknowledged): Promise<void> {
  const items = (await collect(stores.documents.runs.list("p")))
    .flat()
    .map(({ item }) => item as never as { id: string; value: number });
  const ids = new Set(items.map(({ id }) => id));
  for (let n = 1; n <= last.document!; n++) expect(ids).toContain(`document-${n}`);
  for (let n = 1; n <= last.pair!; n++) expect(ids).toContain(`left-${n}`);
  const sides = (side: string) =>
    [...ids]
      .filter((id) => id.startsWith(side))
      .map((id) => id.slice(side.length))
      .sort();
  expect(sides("left-")).toEqual(sides("right-"));
  expect(items.find(({ id }) => id === "counter")?.value).toBeGreaterThanOrEqual(last.counter!);
  expect(await stores.queue.count("killed")).toBeGreaterThanOrEqual(last.message!);
}

async function expectBlobs(stores: EmbeddedStores, last: Acknowledged): Promise<void> {
  const { contentType, size } = (await stores.blobs.head("drop/replaced"))!;
  const version = Number(contentType.split("/")[1]);
  expect(version).toBeGreaterThanOrEqual(last.blob!);
  const expected = Buffer.alloc(((version % 7) + 1) * 128 * 1024, version % 251);
  expect(size).toBe(expected.length);
  expect((await read(stores.blobs, "drop/replaced")).equals(expected)).toBe(true);
  const blocks = Array.from(
    { length: Math.min(last.block!, 999) },
    (_, i) => `block-${String(i + 1).padStart(4, "0")}`,
  );
  expect((await stores.blobs.commitBlocks("artifacts/staged", blocks)).size).toBe(blocks.length * 70_000);
  expect(await read(stores.blobs, "artifacts/staged")).toHaveLength(blocks.length * 70_000);
}

/** Every piece acknowledged is there once, perhaps one more, and the log goes on. */
async function expectLog({ blobs }: EmbeddedStores, last: Acknowledged): Promise<void> {
  const { size } = (await blobs.head("artifacts/log"))!;
  const lengthOf = (pieces: number) => (pieces * (pieces + 1)) / 2;
  expect([lengthOf(last.piece!), lengthOf(last.piece! + 1)]).toContain(size);
  await blobs.append("artifacts/log", Buffer.from("end"), size);
  const pieces = size === lengthOf(last.piece!) ? last.piece! : last.piece! + 1;
  const expected = Array.from({ length: pieces }, (_, i) => Buffer.alloc(i + 1, (i + 1) % 251));
  expect((await read(blobs, "artifacts/log")).equals(Buffer.concat([...expected, Buffer.from("end")]))).toBe(true);
}

it.each([60, 211, 500, 901, 1_500])(
  "kill -9 after %i acknowledgements loses none of them and leaves no file",
  async (count) => {
    const folder = folderOfTest();
    const last = await writeAndKill(folder, count);
    const stores = open(folder);
    await expectDocuments(stores, last);
    await expectBlobs(stores, last);
    await expectLog(stores, last);
    await stores.blobs.remove("drop/replaced");
    await stores.blobs.remove("artifacts/staged");
    await stores.blobs.remove("artifacts/log");
    await stores.sweep();
    expect(filesIn(folder)).toEqual([]);
    await stores.close();
  },
);

it("kill -9 again and again: each process goes on where the one before died", async () => {
  const folder = folderOfTest();
  for (let round = 0; round < 3; round++) {
    const last = await writeAndKill(folder, 300);
    const stores = open(folder);
    await expectDocuments(stores, last);
    await expectLog(stores, last);
    await stores.blobs.remove("artifacts/log");
    await empty(stores);
    await stores.close();
  }
  const stores = open(folder);
  await stores.blobs.remove("drop/replaced");
  await stores.blobs.commitBlocks("artifacts/staged", []);
  await stores.sweep();
  expect(filesIn(folder)).toEqual([]);
  await stores.close();
});

/** Removes what the next writer would meet. */
async function empty({ documents, queue }: EmbeddedStores): Promise<void> {
  for await (const page of documents.runs.list("p")) {
    for (const { item } of page) await documents.runs.remove("p", item.id);
  }
  for (let messages = await queue.receive("killed", 32, 30); messages.length > 0; ) {
    for (const message of messages) await queue.remove("killed", message);
    messages = await queue.receive("killed", 32, 30);
  }
}
