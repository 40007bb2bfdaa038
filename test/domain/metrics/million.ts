import { rmSync } from "node:fs";
import { readConfig } from "../../../shared/config.ts";
import { Memory } from "../../../shared/domain/memory.ts";
import { EVERY_STEP, sampleHistories } from "../../../shared/domain/metrics/charts.ts";
import { SETTLED_AFTER_MS } from "../../../shared/domain/metrics/fold.ts";
import type { HistoryPosition } from "../../../shared/domain/metrics/order.ts";
import { readHistory } from "../../../shared/domain/metrics/read.ts";
import { seal } from "../../../shared/domain/metrics/seal.ts";
import { handlePurge } from "../../../shared/domain/purge/background.ts";
import { purgeRecord } from "../../../shared/domain/purge/purge.ts";
import { logBatch } from "../../../shared/domain/runs/log.ts";
import { createRun, deleteRun } from "../../../shared/domain/runs/runs.ts";
import { runsPartition } from "../../../shared/domain/workspace.ts";
import { openWorkspace } from "../../../shared/domain/workspaces.ts";
import { openAzureStores } from "../../../shared/drivers/azure-stores.ts";
import { openEmbedded } from "../../../shared/drivers/embedded/open-embedded.ts";
import { SettableClock, seededIds } from "../support.ts";

/*
 * The life of a run with a million points in a process of its own: logged, sealed, read whole and sampled, purged. Prints how much memory each
 * took, in MB above what the process had when the run began. On the stores that the environment names, else embedded ones in a folder.
 */
const folder = process.argv[2]!;
const clock = new SettableClock();
const ids = seededIds();
const { azure } = readConfig();
const stores = azure
  ? await openAzureStores(azure, { clock, ids })
  : openEmbedded({ folder, clock, baseUrl: () => "http://127.0.0.1:1" });
const realm = { stores, clock, ids, memory: new Memory() };
const workspace = await openWorkspace(realm, "default");
const run = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
const { runId } = run.view.attributes;
const partition = runsPartition(workspace, runId);
const KEYS = 10;

function batch(i: number) {
  return Array.from({ length: 1000 }, (_, j) => {
    const step = i * 100 + Math.floor(j / KEYS);
    return { key: `m${j % KEYS}`, value: Math.sin(step) * j, timestamp: 1_000_000 + step, step };
  });
}

async function log(count: number, from: number): Promise<void> {
  for (let i = from; i < from + count; i++) {
    clock.pass(10);
    await logBatch(workspace, runId, { metrics: batch(i), params: [], tags: [] });
  }
}

const report: Record<string, number> = {};
let baseMb = 0;
const megabytes = () => process.resourceUsage().maxRSS / 1024;
const note = (what: string) => {
  report[what] = Math.round(megabytes() - baseMb);
};

await log(50, 0);
baseMb = megabytes();
await log(950, 50);
note("log");
clock.pass(SETTLED_AFTER_MS + 1000);
report.sealed = await seal(workspace, runId);
note("seal");
let points = 0;
for (let key = 0; key < KEYS; key++) {
  let after: HistoryPosition | undefined;
  let previous = -1;
  do {
    const page = (await readHistory(workspace, partition, `m${key}`, 25_000, after))!;
    for (const { step } of page.points) {
      if (step !== previous + 1) throw new Error(`m${key}: step ${step} follows ${previous}`);
      previous = step;
    }
    points += page.points.length;
    after = page.next;
  } while (after);
}
report.points = points;
note("read");
report.sampled = (await sampleHistories(workspace, [partition], "m3", 320, EVERY_STEP))[0]!.length;
note("sample");
await deleteRun(workspace, runId);
await purgeRecord(workspace, "run", runId);
await handlePurge(realm, { kind: "run", workspaceId: workspace.id, id: runId });
note("purge");
let left = 0;
for await (const page of stores.documents.runs.list(partition)) left += page.length;
for await (const page of stores.blobs.list(`metrics/${workspace.id}/`)) left += page.blobs.length;
report.left = left;
await stores.close();
rmSync(folder, { recursive: true, force: true });
console.log(JSON.stringify(report));
