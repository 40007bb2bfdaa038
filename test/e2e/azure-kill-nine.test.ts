import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readConfig } from "../../shared/config.ts";
import { Memory } from "../../shared/domain/memory.ts";
import { pointsId } from "../../shared/domain/metrics/append.ts";
import { requestFold, SETTLED_AFTER_MS } from "../../shared/domain/metrics/fold.ts";
import { pointsDocuments } from "../../shared/domain/metrics/read.ts";
import { SEAL_DOCUMENTS } from "../../shared/domain/metrics/seal.ts";
import { getHead } from "../../shared/domain/record.ts";
import { logMetric } from "../../shared/domain/runs/log.ts";
import { createRun, updateRun } from "../../shared/domain/runs/runs.ts";
import { runsPartition, type Workspace } from "../../shared/domain/workspace.ts";
import { openWorkspace } from "../../shared/domain/workspaces.ts";
import { type OpenAzureStores, openAzureStores } from "../../shared/drivers/azure-stores.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import { AZURE_STORES, type EmulatedStores, startAzureStores } from "../setup/azure-stores.ts";
import { startServer } from "../setup/server.ts";
import { sendUntilAcknowledged, type Target } from "./hammer.ts";
import { metricHistory, testsOfKilledServer } from "./killed-server.ts";

const KILLS = 20;
/** From hardly started to well at work. */
const LIVES_MS = [50, 150, 300, 500, 700];
const RUNS_TO_SEAL = 15;
const PAUSE_MS = 200;
const DOCUMENTS = SEAL_DOCUMENTS + 5;
/** A message in the hands of a server that died comes again after half a minute. */
const SEALED_LIMIT_MS = 120_000;

const startedMs = machineClock.now();

describe.skipIf(!AZURE_STORES.available)(
  `killed twenty times on Cosmos DB and Azure Storage${AZURE_STORES.note}`,
  () => {
    let emulated: EmulatedStores;
    let stores: OpenAzureStores;
    let workspace: Workspace;
    let target: Target;
    /** Runs that ended long ago, with points enough to seal, and the steps that were acknowledged since they are being sealed. */
    const ended = new Map<string, number[]>();

    beforeAll(async () => {
      emulated = await startAzureStores();
      stores = await openAzureStores(readConfig(emulated.env).azure!, { clock: machineClock, ids: machineIds });
      const clock = { ...machineClock, now: () => machineClock.now() - 2 * SETTLED_AFTER_MS };
      workspace = await openWorkspace({ stores, clock, ids: machineIds, memory: new Memory() }, "default");
      for (let i = 0; i < RUNS_TO_SEAL; i++) ended.set(await endedRun(), []);
    });

    afterAll(async () => {
      await stores?.close();
      await emulated?.close();
    });

    async function endedRun(): Promise<string> {
      const run = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
      const { runId } = run.view.attributes;
      for (let step = 0; step < DOCUMENTS; step++) await logMetric(workspace, runId, point(step));
      await updateRun(workspace, runId, { status: "FINISHED" });
      return runId;
    }

    /** One run after another is to be sealed, and all are logged to meanwhile. */
    async function sealBeside(hammered: Target, stopped: () => boolean): Promise<void> {
      target = hammered;
      const runIds = [...ended.keys()];
      for (let n = 0; !stopped(); n++) {
        const runId = runIds[n % RUNS_TO_SEAL]!;
        if (n < RUNS_TO_SEAL) await requestFold(workspace, runId);
        const late = point(DOCUMENTS + n);
        await sendUntilAcknowledged(target.url, "POST", "/api/2.0/mlflow/runs/log-metric", { run_id: runId, ...late });
        ended.get(runId)!.push(late.step);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }

    /** Nothing that was there before is left outside of segments. */
    async function isSealed(runId: string): Promise<boolean> {
      const partition = runsPartition(workspace, runId);
      const head = await getHead(workspace, partition);
      if (!head?.item.attributes.segments?.length) return false;
      for await (const page of pointsDocuments(workspace, partition)) {
        if (page.some(({ item }) => item.id < pointsId(startedMs - SETTLED_AFTER_MS, ""))) return false;
      }
      return true;
    }

    test("queue work: every run that was to be sealed is", { timeout: SEALED_LIMIT_MS }, async () => {
      const left = new Set(ended.keys());
      await vi.waitUntil(
        async () => {
          for (const runId of left) if (await isSealed(runId)) left.delete(runId);
          return left.size === 0;
        },
        { timeout: SEALED_LIMIT_MS, interval: 500 },
      );
    });

    test("sealed runs: every acknowledged point is there exactly once, pains 2 and 3", async () => {
      for (const [runId, late] of ended) {
        const steps = (await metricHistory({ url: target.url, runId }, "m")).map(({ step }) => step);
        expect(steps).toEqual([...Array(DOCUMENTS).keys(), ...late]);
      }
    });

    testsOfKilledServer({
      kills: KILLS,
      livesMs: LIVES_MS,
      start: (port) => startServer({ mode: "light", port, env: emulated.env }),
      beside: sealBeside,
    });
  },
);

function point(step: number) {
  return { key: "m", value: step / 2, timestamp: 3_000_000 + step, step };
}
