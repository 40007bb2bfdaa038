import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Started, signalGroup, Terminal } from "./started.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const LIMIT_MS = 20_000;

describe("npm start, when it ends", { timeout: LIMIT_MS }, () => {
  let folder: string;
  let terminal: Terminal;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cairn-stop-"));
    terminal = new Terminal(ROOT);
  });

  afterEach(async () => {
    await terminal.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (): Started => terminal.npmStart("--port", "0", "--data", folder);

  // Supervisors and containers know npm's process alone.
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s to npm's own process: the server ends in peace, then npm",
    async (signal) => {
      const started = start();
      await started.url();
      const npmExits = once(started.child, "exit");
      started.child.kill(signal);
      await npmExits;
      expect(wasClosed(folder)).toBe(true);
    },
  );

  test.each(["SIGHUP", "SIGKILL"] as const)(
    "%s to npm's own process: the server ends in peace all the same",
    async (signal) => {
      const started = start();
      const url = await started.url();
      started.child.kill(signal);
      await untilGone(url);
      await started.ended;
      expect(wasClosed(folder)).toBe(true);
    },
  );

  // A terminal that is closed sends SIGHUP to all that runs in it.
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s to npm and all below it: the server ends in peace",
    async (signal) => {
      const started = start();
      await started.url();
      signalGroup(started.child, signal);
      await started.ended;
      expect(wasClosed(folder)).toBe(true);
    },
  );

  test("started without npm: lives on when its parent is gone, as services do", async () => {
    const started = terminal.start("sh", ["-c", `node scripts/start.mjs --port 0 --data '${folder}' & echo; wait`]);
    const url = await started.url();
    started.child.kill("SIGKILL");
    await sleep(2_500);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  test("nobody reads its output any more: goes on to answer and to log", async () => {
    const started = start();
    const url = await started.url();
    for (const stream of [started.child.stdout!, started.child.stderr!]) {
      stream.destroy();
      await once(stream, "close");
    }
    for (let call = 0; call < 3; call++)
      await fetch(`${url}/admin/functions/purge`, { method: "POST", body: '{"input": "{}"}' });
    await sleep(500);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
});

/** A server that ends in peace brings its journal and its log into the database. */
const wasClosed = (folder: string): boolean =>
  ["cairn.journal", "cairn.db-wal"].every((file) => !existsSync(join(folder, file)));

async function untilGone(url: string): Promise<void> {
  while (
    await fetch(`${url}/health`).then(
      () => true,
      () => false,
    )
  )
    await sleep(50);
}
