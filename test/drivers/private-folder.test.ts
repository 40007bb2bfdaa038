import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startServer } from "../setup/server.ts";

const OTHERS = 0o077;

/** The server asks every caller for a key; whoever may read its files need not ask it. */
describe.skipIf(process.platform === "win32")("the data folder: is nobody else's on this machine", () => {
  let parent: string;
  let folder: string;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "cairn-modes-"));
    chmodSync(parent, 0o755);
    folder = join(parent, "deep", "data");
  });

  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  /** A server that has stored something of each kind. */
  async function useAndStop(): Promise<void> {
    const server = await startServer({ mode: "light", folder });
    const put = (path: string, body: string, type: string) =>
      fetch(server.url + path, { method: "PUT", body, headers: { "content-type": type } });
    const artifact = await put("/api/2.0/mlflow-artifacts/artifacts/a/b.txt", "content", "text/plain");
    const secret = await put("/api/v1/workspaces/default/secrets/name", '{"value": "x"}', "application/json");
    expect([artifact.status, secret.status]).toEqual([200, expect.toSatisfy((it) => it < 300)]);
    await expectClosed();
    await server.kill("SIGKILL");
  }

  /** Nothing at the top of it is open to others, and so nothing below is. */
  async function expectClosed(): Promise<void> {
    const names = readdirSync(folder).filter((name) => name !== "foreign.txt");
    expect(names).toEqual(expect.arrayContaining(["blobs", "cairn.db", "cairn.journal", "secrets", "secrets.key"]));
    const open = names.filter((name) => (statSync(join(folder, name)).mode & OTHERS) !== 0);
    expect(open).toEqual([]);
  }

  test("a new one", async () => {
    await useAndStop();
    expect(statSync(folder).mode & OTHERS).toBe(0);
  });

  test("one that an earlier version has left open", async () => {
    await useAndStop();
    chmodSync(folder, 0o755);
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
    }
    await useAndStop();
    expect(statSync(folder).mode & OTHERS).toBe(0);
  });

  test("an empty one", async () => {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
    await useAndStop();
    expect(statSync(folder).mode & OTHERS).toBe(0);
  });

  test("one with other things in it: stays as open as it was, and what is ours in it does not", async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "foreign.txt"), "", { mode: 0o644 });
    chmodSync(folder, 0o755);
    await useAndStop();
    expect(statSync(folder).mode & 0o777).toBe(0o755);
    expect(statSync(join(folder, "foreign.txt")).mode & 0o777).toBe(0o644);
  });
});
