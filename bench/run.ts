import { type Measurement, show } from "./lib/measure.ts";
import { MeasuredServer } from "./lib/server.ts";
import { yardstick } from "./workloads/bare.ts";
import { logBatch, logMetric } from "./workloads/logging.ts";
import { search } from "./workloads/search.ts";

const WORKLOADS: Record<string, (server: MeasuredServer) => Promise<Measurement[]>> = {
  W1: logMetric,
  W2: logBatch,
  W4: search,
};

/*
 * npm run bench [-- W1 W4]: each workload on a fresh server. Machines differ and neighbours are noisy: the CPU time for each operation
 * is what compares, best as a multiple of the bare server's, which is measured first.
 */
const wanted = process.argv.slice(2);
console.log(show(await yardstick()));
const unknown = wanted.filter((name) => !(name in WORKLOADS));
if (unknown.length > 0) {
  console.error(`Unknown workloads: ${unknown.join(", ")}. There are ${Object.keys(WORKLOADS).join(", ")}.`);
  process.exit(1);
}
for (const name of wanted.length > 0 ? wanted : Object.keys(WORKLOADS)) {
  const server = await MeasuredServer.start();
  try {
    for (const measurement of await WORKLOADS[name]!(server)) console.log(show(measurement));
    const { now, highest } = server.memory();
    console.log(`${name} memory: ${now.toFixed(0)} MB now, ${highest.toFixed(0)} MB at its highest`);
  } finally {
    await server.stop();
  }
}
