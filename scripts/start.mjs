// npm start [-- options]: installs and builds when needed, then runs the local host. Options are the host's: --help.
import { pathToFileURL } from "node:url";
import { ensureBuilt } from "./lib/bundle.mjs";
import { fromCaller } from "./lib/caller.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { runMain } from "./lib/failure.mjs";
import { findNode, needsBundledNode } from "./lib/node.mjs";
import { partsToRun } from "./lib/parts.mjs";
import { inRoot } from "./lib/paths.mjs";

const FOLDER_OPTIONS = ["--data", "--backup", "--mlflow-page"];
/** It may be gone before anybody watches it. */
const PARENT = process.ppid;
const HOST = inRoot("dist", "host", "main.js");

await runMain(async () => {
  await ensureDependencies(partsToRun(process.env, needsBundledNode()));
  await ensureBuilt();
  const node = findNode();
  if (node === process.execPath) await becomeHost();
  else await runHost(node);
});

/** npm puts its Node before the machine's, so usually this process is the right one already. */
async function becomeHost() {
  process.argv.splice(1, Number.POSITIVE_INFINITY, HOST, ...options());
  await import(pathToFileURL(HOST).href);
  await watchParent();
}

async function runHost(node) {
  const [{ runAttached }] = await Promise.all([import("./lib/processes.mjs"), watchParent()]);
  const { code } = await runAttached(node, [...process.execArgv, HOST, ...options()]);
  process.exitCode = code;
}

async function watchParent() {
  const { endWithParent } = await import("./lib/parent.mjs");
  endWithParent(PARENT);
}

/** What was given, with folders named in full. */
function options() {
  const given = process.argv.slice(2);
  const meant = (folder) => (folder === "" || folder.startsWith("-") ? folder : fromCaller(folder));
  return given.map((option, index) => {
    if (FOLDER_OPTIONS.includes(given[index - 1])) return meant(option);
    const [name, ...value] = option.split("=");
    return FOLDER_OPTIONS.includes(name) && value.length > 0 ? `${name}=${meant(value.join("="))}` : option;
  });
}
