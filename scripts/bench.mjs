// npm run bench [-- W1 W4] [-- --alone]: sets up and builds, installs the peers from PyPI, and runs bench/run.ts on a core of its own.
import { dirname, join } from "node:path";
import { ensureBuilt } from "./lib/bundle.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { Failure } from "./lib/failure.mjs";
import { findNode } from "./lib/node.mjs";
import { inRoot } from "./lib/paths.mjs";
import { runAttached } from "./lib/processes.mjs";
import { ensureEnvironment, findPython } from "./lib/python.mjs";

const GENERATOR_CPU = "1";
const args = process.argv.slice(2);

try {
  if (process.platform !== "linux") throw new Failure("The benchmark needs Linux: its figures come from /proc.");
  await ensureDependencies();
  await ensureBuilt();
  const peers = args.includes("--alone") ? {} : await installPeers();
  const imported = wants("W7") ? { CAIRN_BENCH_IMPORT: await importOfPackage() } : {};
  const command = ["-c", GENERATOR_CPU, findNode(), inRoot("bench", "run.ts"), ...args];
  const { code } = await runAttached("taskset", command, { env: { ...process.env, ...peers, ...imported } });
  process.exitCode = code ?? 1;
} catch (error) {
  console.error(error instanceof Failure ? error.message : error);
  process.exitCode = 1;
}

function wants(id) {
  const ids = args.filter((it) => it !== "--alone");
  return ids.length === 0 || ids.includes(id);
}

/** What a cold start in Azure costs before the stores are opened, in a sentence. */
async function importOfPackage() {
  const { writePackage } = await import("./lib/package.mjs");
  const { importCost } = await import("./lib/import-cost.mjs");
  await writePackage(inRoot("out"));
  return importCost(inRoot("out", "package", "functions", "index.js"));
}

/** The peers, as the variables in which bench/ looks for them. */
async function installPeers() {
  const python = await findPython();
  if (!python)
    throw new Failure("The peers need a Python from 3.10 on that can make virtual environments; or say --alone.");
  console.log("Preparing the peers (some minutes, the first time) ...");
  const mlflow = await ensureEnvironment(python, "mlflow-3");
  // Its wheel asks for an old MLflow, which the program in it does not need.
  const fasttrackml = await ensureEnvironment(python, "fasttrackml", { folder: "bench", flags: ["--no-deps"] });
  for (const { name, problem } of [mlflow, fasttrackml]) if (problem) throw new Failure(`${name}: ${problem}`);
  return {
    CAIRN_BENCH_MLFLOW: mlflow.python,
    CAIRN_BENCH_FASTTRACKML: join(dirname(fasttrackml.python), "fml"),
  };
}
