import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type EmbeddedStores, openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import {
  DataFolderInUse,
  DataFolderUnusable,
  DataFormatTooNew,
} from "../../shared/drivers/sqlite/data-folder-errors.ts";
import { ManualClock, temporaryFolder } from "./embedded-fixture.ts";

const WRITER = join(import.meta.dirname, "write-until-killed.ts");
let parent: string;

beforeEach(() => {
  parent = temporaryFolder();
});
afterEach(() => rmSync(parent, { recursive: true }));

function open(folder: string): EmbeddedStores {
  return openEmbedded({ folder, clock: new ManualClock(), baseUrl: () => "http://127.0.0.1:1" });
}

function errorOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("expected an error");
}

it("open: makes the folder and those above it", async () => {
  const stores = open(join(parent, "a/b/c"));
  await stores.close();
  expect(statSync(join(parent, "a/b/c/cairn.db")).isFile()).toBe(true);
});

it("open: is refused while this process has the folder, and works again after close", async () => {
  const folder = join(parent, "data");
  const stores = open(folder);
  expect(errorOf(() => open(folder))).toMatchObject({ name: "DataFolderInUse", folder, pid: process.pid });
  await stores.documents.runs.create("p", { id: "a", scope: "s" });
  await stores.close();
  const again = open(folder);
  expect(await again.documents.runs.get("p", "a")).toBeDefined();
  await again.close();
});

it("open: is refused while another process has the folder, naming both, and works once that is killed", async () => {
  const folder = join(parent, "data");
  const other = spawn(process.execPath, ["--no-warnings", WRITER, folder], { stdio: ["ignore", "pipe", "inherit"] });
  await once(other.stdout, "data");
  other.stdout.resume();
  const error = errorOf(() => open(folder));
  expect(error).toBeInstanceOf(DataFolderInUse);
  expect(error).toMatchObject({ folder, pid: other.pid });
  expect((error as Error).message).toContain(folder);
  expect((error as Error).message).toContain(String(other.pid));
  other.kill("SIGKILL");
  await once(other, "exit");
  await open(folder).close();
});

it("open: names the folder when it is a file, or lies below one", () => {
  const file = join(parent, "file");
  writeFileSync(file, "");
  for (const folder of [file, join(file, "below")]) {
    const error = errorOf(() => open(folder));
    expect(error).toBeInstanceOf(DataFolderUnusable);
    expect((error as Error).message).toContain(folder);
  }
});

it("open: names the folder when this user may not write it", async () => {
  const folder = join(parent, "readonly");
  mkdirSync(folder, { mode: 0o555 });
  // The superuser may write anywhere but here.
  const refused = process.getuid?.() === 0 ? "/proc/cairn" : folder;
  const error = errorOf(() => open(refused));
  expect(error).toBeInstanceOf(DataFolderUnusable);
  expect((error as Error).message).toContain(refused);
});

it("open: refuses data of a newer version, says so, and leaves the folder free", async () => {
  await open(parent).close();
  const database = new DatabaseSync(join(parent, "cairn.db"));
  database.exec("PRAGMA user_version = 999");
  for (let attempt = 0; attempt < 2; attempt++) {
    const error = errorOf(() => open(parent));
    expect(error).toBeInstanceOf(DataFormatTooNew);
    expect((error as Error).message).toMatch(/data format 999.*up to 3/);
  }
  database.exec("PRAGMA user_version = 3");
  database.close();
  await open(parent).close();
});

it("open: goes on where a process died while it made the database", async () => {
  const made = new DatabaseSync(join(parent, "cairn.db"));
  made.exec("CREATE TABLE journaled (committed INTEGER NOT NULL, incarnation INTEGER NOT NULL DEFAULT 0) STRICT");
  made.close();
  const stores = open(parent);
  await stores.documents.runs.create("p", { id: "a", scope: "s" });
  await stores.close();
});

it("open: takes data of format 1, which had no journal", async () => {
  const stores = open(parent);
  await stores.documents.runs.create("p", { id: "a", scope: "s" });
  await stores.close();
  const database = new DatabaseSync(join(parent, "cairn.db"));
  database.exec("PRAGMA user_version = 1; DROP TABLE journaled");
  database.close();
  const again = open(parent);
  expect(await again.documents.runs.get("p", "a")).toBeDefined();
  await again.documents.runs.create("p", { id: "b", scope: "s" });
  await again.close();
});

it("open: takes data of a version that had no appended blobs", async () => {
  await open(parent).close();
  const database = new DatabaseSync(join(parent, "cairn.db"));
  database.exec("DROP TABLE appended");
  database.close();
  const stores = open(parent);
  await stores.blobs.append("artifacts/log", new Uint8Array(3), 0);
  expect((await stores.blobs.head("artifacts/log"))?.size).toBe(3);
  await stores.close();
});

it.skipIf(process.platform === "win32")("open: keeps the key of signed URLs from other users", async () => {
  await open(parent).close();
  expect(statSync(join(parent, "signing.key")).mode & 0o777).toBe(0o600);
});
