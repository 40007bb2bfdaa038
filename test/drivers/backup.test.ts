import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { backUp } from "../../shared/drivers/embedded/backup.ts";
import { type EmbeddedStores, openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import { BackupFailed } from "../../shared/drivers/sqlite/data-folder-errors.ts";
import { read } from "../contract/blobs/bytes.ts";
import { collect } from "../contract/support.ts";
import { ManualClock, temporaryFolder } from "./embedded-fixture.ts";

const WRITER = join(import.meta.dirname, "write-until-killed.ts");

let parent: string;
let data: string;

beforeEach(() => {
  parent = temporaryFolder();
  data = join(parent, "data");
  return () => rmSync(parent, { recursive: true });
});

function open(folder: string): EmbeddedStores {
  return openEmbedded({ folder, clock: new ManualClock(), baseUrl: () => "http://127.0.0.1:1" });
}

async function within<T>(folder: string, use: (stores: EmbeddedStores) => Promise<T>): Promise<T> {
  const stores = open(folder);
  try {
    return await use(stores);
  } finally {
    await stores.close();
  }
}

/** Of those that the writer has from its first second on; what is acknowledged is committed a little later. */
function committedBlobs(): unknown {
  const database = new DatabaseSync(join(data, "cairn.db"));
  try {
    const names = "('drop/replaced', 'artifacts/log')";
    return database.prepare(`SELECT count(*) AS count FROM blobs WHERE name IN ${names}`).get()!.count;
  } finally {
    database.close();
  }
}

/** A process that writes all the time. @returns a function that kills it */
async function startWriter(): Promise<() => Promise<void>> {
  const writer = spawn(process.execPath, ["--no-warnings", WRITER, data], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(writer, "exit");
  const kill = async () => {
    writer.kill("SIGKILL");
    await exited;
  };
  onTestFinished(kill);
  const kinds = new Set<string>();
  const lines = createInterface({ input: writer.stdout });
  for await (const line of lines) {
    kinds.add(line.split(" ")[0]!);
    if (kinds.size === 7) break;
  }
  writer.stdout.resume();
  await expect.poll(committedBlobs).toBe(2);
  return kill;
}

/** What the writer does together is there together, and every byte of it. */
async function expectOneState({ documents, blobs }: EmbeddedStores): Promise<number> {
  const ids = (await collect(documents.runs.list("p"))).flat().map(({ item }) => item.id);
  const sides = (side: string) =>
    ids
      .filter((id) => id.startsWith(side))
      .map((id) => id.slice(side.length))
      .sort();
  expect(sides("left-")).toEqual(sides("right-"));
  const version = Number((await blobs.head("drop/replaced"))!.contentType.split("/")[1]);
  const expected = Buffer.alloc(((version % 7) + 1) * 128 * 1024, version % 251);
  expect((await read(blobs, "drop/replaced")).equals(expected)).toBe(true);
  const { size } = (await blobs.head("artifacts/log"))!;
  const pieces = Math.round((Math.sqrt(8 * size + 1) - 1) / 2);
  const log = Buffer.concat(Array.from({ length: pieces }, (_, i) => Buffer.alloc(i + 1, (i + 1) % 251)));
  expect((await read(blobs, "artifacts/log")).equals(log)).toBe(true);
  return version;
}

describe("backup", () => {
  it("copies one state beside a process that writes, replaces and appends; the copy runs by itself", async () => {
    const kill = await startWriter();
    let before = 0;
    for (let round = 1; round <= 4; round++) {
      const target = join(parent, `copy-${round}`);
      const made = await backUp(data, target);
      expect([made.target, made.lost]).toEqual([target, []]);
      const version = await within(target, expectOneState);
      expect(version).toBeGreaterThanOrEqual(before);
      before = version;
      await within(target, ({ blobs }) => blobs.put("artifacts/new", Buffer.from("x")));
    }
    await kill();
    expect(readdirSync(parent).sort()).toEqual(["copy-1", "copy-2", "copy-3", "copy-4", "data"]);
  });

  it("of a folder whose process was killed has everything that was acknowledged", async () => {
    await (await startWriter())();
    await backUp(data, join(parent, "copy"));
    const contents = ({ documents }: EmbeddedStores) => collect(documents.runs.list("p"));
    expect(await within(join(parent, "copy"), contents)).toEqual(await within(data, contents));
    await within(join(parent, "copy"), expectOneState);
  });

  it("has the secrets and the key of signed URLs, for this user only", async () => {
    const url = await within(data, async ({ secrets, blobs }) => {
      await secrets.set("token", "value");
      await blobs.put("artifacts/a", Buffer.from("x"));
      return new URL((await blobs.signedUrl("artifacts/a", 60)).url);
    });
    const copy = join(parent, "copy");
    await backUp(data, copy);
    await within(copy, async ({ secrets, signedBlobs }) => {
      expect(await secrets.get("token")).toBe("value");
      expect(signedBlobs.allows("artifacts/a", "read", url.searchParams, new ManualClock().now())).toBe(true);
    });
    if (process.platform !== "win32") expect(statSync(copy).mode & 0o777).toBe(0o700);
    if (process.platform !== "win32") expect(statSync(join(copy, "secrets.key")).mode & 0o777).toBe(0o600);
  });

  it("put beside a journal of the server it was made of stays as it was", async () => {
    const stores = open(data);
    await stores.documents.runs.create("p", { id: "before", scope: "s" });
    // A sweep that has something to unlink commits first.
    await stores.blobs.put("artifacts/a", Buffer.from("x"));
    await stores.blobs.remove("artifacts/a");
    await stores.sweep();
    await backUp(data, join(parent, "copy"));
    await stores.documents.runs.create("p", { id: "after", scope: "s" });
    const journal = join(data, "cairn.journal");
    copyFileSync(journal, join(parent, "copy", "cairn.journal"));
    await stores.close();
    const ids = await within(join(parent, "copy"), async ({ documents }) =>
      (await collect(documents.runs.list("p"))).flat().map(({ item }) => item.id),
    );
    expect(ids).toEqual(["before"]);
  });

  it("names blobs whose files a loss of power took, and copies the rest", async () => {
    await within(data, async ({ blobs }) => {
      for (const name of ["a", "b"]) await blobs.put(`artifacts/${name}`, Buffer.from(name));
    });
    const [first] = readdirSync(join(data, "blobs"), { recursive: true, withFileTypes: true }).filter((it) =>
      it.isFile(),
    );
    rmSync(join(first!.parentPath, first!.name));
    const { lost, files } = await backUp(data, join(parent, "copy"));
    expect([lost.length, files]).toEqual([1, 1]);
    expect(lost[0]).toMatch(/^artifacts\/[ab]$/);
  });

  it("refuses a target that is there, one within the data, and a folder without data; and makes nothing then", async () => {
    await open(data).close();
    mkdirSync(join(parent, "there"));
    for (const [from, to, words] of [
      [data, join(parent, "there"), /is there already/],
      [data, join(data, "copy"), /lies in the data folder/],
      [data, data, /is there already/],
      [join(parent, "none"), join(parent, "copy"), /no workspace/],
    ] as const) {
      const refused = backUp(from, to);
      await expect(refused).rejects.toThrow(BackupFailed);
      await expect(refused).rejects.toThrow(words);
    }
    expect(readdirSync(parent).sort()).toEqual(["data", "there"]);
    expect(existsSync(join(data, "copy"))).toBe(false);
  });
});
