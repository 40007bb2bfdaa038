import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { dirname, relative, sep } from "node:path";
import { Failure } from "./failure.mjs";
import { inRoot } from "./paths.mjs";

const OLDEST = [22, 15];

/**
 * The Node that runs Cairn: of the machine's and the one that npm has installed for this platform, the newer one that works here.
 * @returns {string} path of the executable, without symbolic links, so that it compares with `process.execPath`
 */
export function findNode() {
  const machine = machineNode();
  const bundled = bundledNode();
  if (bundled && isNewer(bundled.version, machine?.version)) {
    if (bundled.path === process.execPath || runs(bundled.path)) return bundled.path;
    forgetBundled();
  }
  if (machine && !isNewer(OLDEST.join("."), machine.version)) return machine.path;
  throw new Failure(
    `Cairn needs Node ${OLDEST.join(".")} or newer. This is ${machine?.version ?? process.versions.node}, and npm has none that works here ` +
      `(${process.platform}-${process.arch}): please get a newer one from https://nodejs.org or your system's packages.`,
  );
}

/** Whether the machine has no Node that is new enough, so that npm has to bring one. */
export function needsBundledNode() {
  const machine = machineNode();
  return !machine || isNewer(OLDEST.join("."), machine.version);
}

/** This process, unless npm has put its own Node before the machine's: then the one that runs npm itself, whose version npm tells. */
function machineNode() {
  if (!process.execPath.startsWith(inRoot("node_modules") + sep)) {
    return { path: process.execPath, version: process.versions.node };
  }
  const path = process.env.npm_node_execpath;
  const version = /(?:^| )node\/v(\S+)/.exec(process.env.npm_config_user_agent ?? "")?.[1];
  return path && version && !path.startsWith(inRoot("node_modules") + sep) ? { path, version } : undefined;
}

function bundledNode() {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const executable = process.platform === "win32" ? "node.exe" : "node";
  for (const name of [`node-${platform}-${process.arch}`, `node-bin-${platform}-${process.arch}`]) {
    const path = inRoot("node_modules", name, "bin", executable);
    if (existsSync(path)) return { path: realpathSync(path), version: versionOf(dirname(dirname(path))) };
  }
  return undefined;
}

const versionOf = (folder) => JSON.parse(readFileSync(`${folder}/package.json`, "utf8")).version;

function runs(path) {
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  return spawnSync(path, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Puts the Node that npm has installed before the machine's for npm's scripts, which npm 10 leaves out. A start need not change processes then. */
export function linkBundledNode() {
  const link = inRoot("node_modules", ".bin", "node");
  const bundled = bundledNode();
  if (!bundled || process.platform === "win32" || existsSync(link)) return;
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(relative(dirname(link), bundled.path), link);
}

/** Else npm would go on to put it before the machine's, and none of its scripts could begin. */
function forgetBundled() {
  for (const name of ["node", "node.cmd", "node.ps1"]) rmSync(inRoot("node_modules", ".bin", name), { force: true });
}

/** Whether version `a` is newer than `b`; anything is newer than none. */
function isNewer(a, b) {
  if (b === undefined) return true;
  const [left, right] = [a, b].map((version) => version.split(".").map((part) => Number.parseInt(part, 10) || 0));
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
