import { spawnSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { findNode } from "./node.mjs";

const RUNS = 9;

/**
 * Stands in for the Functions runtime, then tells the CPU time of importing the file in its environment, and of a first call of MLflow's API, which
 * loads all that it needs but the stores, since no settings name any.
 */
const PROGRAM = `
  import { registerHooks } from "node:module";
  const nothing = () => ({ dispose() {} });
  const handlers = {};
  const registerFunction = ({ name }, handler) => { handlers[name] = handler; return nothing(); };
  globalThis.core = { version: "0", hostVersion: "4.1000.0", Disposable: Object, registerFunction, registerHook: nothing,
    setProgrammingModel() {}, getProgrammingModel() {}, log() {} };
  registerHooks({
    resolve: (name, context, next) => name === "@azure/functions-core" ? { url: "core:", format: "commonjs", shortCircuit: true } : next(name, context),
    load: (url, context, next) => url === "core:" ? { format: "commonjs", source: "module.exports = globalThis.core", shortCircuit: true } : next(url, context),
  });
  const cpuMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
  const before = cpuMs();
  await import(process.env.ENTRY);
  const imported = cpuMs();
  await handlers["mlflow-api-2"]({}, {}).catch(() => {});
  console.log(JSON.stringify([imported - before, cpuMs() - imported]));`;

const BARE = "const { user, system } = process.cpuUsage(); console.log(JSON.stringify([(user + system) / 1000]))";

/**
 * What a cold start costs, in a sentence: the CPU time of importing a package's entry, beside that of a bare `node -e 0`, which tells how fast
 * this machine is right now, and of what the first request loads. Medians of runs that take turns.
 * @param {string} entry
 * @returns {Promise<string>}
 */
export async function importCost(entry) {
  const node = findNode();
  const env = { ...process.env, ENTRY: pathToFileURL(entry).href };
  const measure = (args) => JSON.parse(spawnSync(node, args, { env, encoding: "utf8" }).stdout);
  const runs = [];
  for (let run = 0; run < RUNS; run++) {
    runs.push([...measure(["--input-type=module", "-e", PROGRAM]), ...measure(["-e", BARE])]);
  }
  const [entryMs, firstMs, bareMs] = [0, 1, 2].map((column) => median(runs.map((run) => run[column])));
  const ms = (value) => `${value.toFixed(0)} ms`;
  const times = (entryMs / bareMs).toFixed(1);
  return `${ms(entryMs)} of CPU, ${times} times a bare node -e 0 (${ms(bareMs)}); what the first request to MLflow's API loads takes ${ms(firstMs)} more`;
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
