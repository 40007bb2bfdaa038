import { spawnSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { findNode } from "./node.mjs";

const RUNS = 9;

/** Stands in for the Functions runtime, then tells the CPU time of importing the file in its environment. */
const PROGRAM = `
  import { registerHooks } from "node:module";
  const nothing = () => ({ dispose() {} });
  globalThis.core = { version: "0", hostVersion: "4.1000.0", Disposable: Object, registerFunction: nothing, registerHook: nothing,
    setProgrammingModel() {}, getProgrammingModel() {}, log() {} };
  registerHooks({
    resolve: (name, context, next) => name === "@azure/functions-core" ? { url: "core:", format: "commonjs", shortCircuit: true } : next(name, context),
    load: (url, context, next) => url === "core:" ? { format: "commonjs", source: "module.exports = globalThis.core", shortCircuit: true } : next(url, context),
  });
  const before = process.cpuUsage();
  await import(process.env.ENTRY);
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1000);`;

/**
 * The CPU time of importing a package's entry, and beside it that of a bare `node -e 0`, which tells how fast this machine is right now.
 * Medians of runs that take turns.
 * @param {string} entry
 */
export async function importCost(entry) {
  const node = findNode();
  const env = { ...process.env, ENTRY: pathToFileURL(entry).href };
  const measure = (args) => Number(spawnSync(node, args, { env, encoding: "utf8" }).stdout);
  const entries = [];
  const bare = [];
  for (let run = 0; run < RUNS; run++) {
    entries.push(measure(["--input-type=module", "-e", PROGRAM]));
    bare.push(measure(["-e", "const { user, system } = process.cpuUsage(); console.log((user + system) / 1000)"]));
  }
  return { entryMs: median(entries), bareMs: median(bare) };
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
