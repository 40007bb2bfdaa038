import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { machine, report } from "./lib/report.ts";
import { inRounds, type Outcome } from "./lib/rounds.ts";
import { CAIRN, CAIRN_DURABLE, installedPeers } from "./subjects/subjects.ts";
import { ARTIFACT_TRANSFERS, removeLargeFile } from "./workloads/artifacts.ts";
import { HISTORY } from "./workloads/history.ts";
import { LOGGING } from "./workloads/logging.ts";
import { MEMORY } from "./workloads/memory.ts";
import { PROCESS } from "./workloads/process.ts";
import { SEARCHES } from "./workloads/search.ts";
import { TRAINING } from "./workloads/trainers.ts";
import type { Workload } from "./workloads/workload.ts";

const RESULTS = join(import.meta.dirname, "RESULTS.md");
const WORKLOADS: readonly Workload[] = [
  ...LOGGING,
  ...TRAINING,
  ...HISTORY,
  ...ARTIFACT_TRANSFERS,
  ...PROCESS,
  ...SEARCHES,
  ...MEMORY,
];

/*
 * What `npm run bench [-- W1 W4] [-- --alone]` runs once scripts/bench.mjs has installed the peers: the workloads side by side, in one
 * interleaved run. A run of everything writes RESULTS.md; --alone leaves the peers out, for work on our own speed.
 */
const arguments_ = process.argv.slice(2);
const isAlone = arguments_.includes("--alone");
const wanted = arguments_.filter((it) => it !== "--alone");
const known = [...new Set(WORKLOADS.map(({ id }) => id))];
const unknown = wanted.filter((id) => !known.includes(id));
if (unknown.length > 0) {
  console.error(`Unknown workloads: ${unknown.join(", ")}. There are ${known.join(", ")}.`);
  process.exit(1);
}

const peers = isAlone ? [] : installedPeers();
const chosen = WORKLOADS.filter(({ id }) => wanted.length === 0 || wanted.includes(id));
const imported = process.env.CAIRN_BENCH_IMPORT;
const ofPackage = imported ? `## W7: importing the entry of the package for Azure\n\n${imported}\n` : "";
if (ofPackage) console.log(ofPackage);
const outcomes: Outcome[] = [];
try {
  for await (const outcome of inRounds(chosen, [CAIRN, CAIRN_DURABLE, ...peers])) {
    outcomes.push(outcome);
    console.log(report([outcome]));
  }
} finally {
  removeLargeFile();
}
if (wanted.length === 0 && !isAlone) {
  writeFileSync(RESULTS, `# What npm run bench printed\n\n${machine()}\n${report(outcomes)}\n${ofPackage}`);
  console.log(`Written to ${RESULTS}`);
}
