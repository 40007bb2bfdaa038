import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, afterEach, beforeAll } from "vitest";
import { Memory } from "../../shared/domain/memory.ts";
import { requestRunSnapshot } from "../../shared/domain/runs/run-snapshot.ts";
import { runsSnapshotBlob } from "../../shared/domain/search/snapshot-blob.ts";
import { openWorkspace } from "../../shared/domain/workspaces.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import type { Stores } from "../../shared/stores/stores.ts";
import { until } from "../host/support.ts";
import { ownerKey } from "../setup/owner-key.ts";
import { collectOutput, untilListening } from "../setup/server.ts";

export const ROOT = join(import.meta.dirname, "..", "..");
const RUN = join(import.meta.dirname, "run.ts");

/** What `npm run package` makes, once for the file that this is called in. */
export function usePackage() {
  const running: (() => void)[] = [];
  const made = {
    /** For what else a test makes; goes with the last test. */
    out: "",
    zip: new Uint8Array(),
    contents: {} as Record<string, Uint8Array>,
    /** At the end of the test. */
    atEnd: (stop: () => void) => void running.push(stop),
    textOf: (name: string) => new TextDecoder().decode(made.contents[name]),
    make(folder: string, env: Record<string, string> = {}): void {
      const script = join(ROOT, "scripts", "package.mjs");
      execFileSync(process.execPath, [script, "--out", join(made.out, folder)], { env: { ...process.env, ...env } });
    },
    /** The local host with the unzipped package in it, in strict mode, until the end of the test. */
    async start(env: Record<string, string> = {}) {
      const child = spawn(process.execPath, [RUN, join(made.out, "unzipped")], {
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      made.atEnd(() => child.kill("SIGKILL"));
      const output = collectOutput(child);
      const url = await untilListening(output, once(child, "exit"));
      return { url, output, functions: JSON.parse(/^\[.*\]$/m.exec(output())![0]) as string[] };
    },
  };
  beforeAll(() => {
    made.out = mkdtempSync(join(tmpdir(), "cairn-package-"));
    made.make("first");
    made.zip = readFileSync(join(made.out, "first", "cairn.zip"));
    made.contents = unzipSync(made.zip);
    for (const [name, bytes] of Object.entries(made.contents)) {
      const file = join(made.out, "unzipped", name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
    }
  });
  afterEach(() => {
    for (const stop of running.splice(0)) stop();
  });
  afterAll(() => rmSync(made.out, { recursive: true, force: true }));
  return made;
}

/** The same stores as somebody sees them who has their keys. */
export async function openAround(stores: Stores) {
  const realm = { stores, clock: machineClock, ids: machineIds, memory: new Memory() };
  const workspace = await openWorkspace(realm, "default");
  const key = (await ownerKey(realm))!;
  return {
    key,
    /** Sends a message that only a queue function acts on, and waits for what it does. */
    async throughQueue(experimentId: string): Promise<void> {
      await requestRunSnapshot(workspace, experimentId);
      await until(async () => (await stores.blobs.head(runsSnapshotBlob(workspace, experimentId))) !== undefined);
    },
  };
}

/** Makes an experiment as MLflow's client would. */
export function createExperiment(url: string, name: string, key?: string): Promise<Response> {
  return fetch(`${url}/api/2.0/mlflow/experiments/create`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ name }),
  });
}
