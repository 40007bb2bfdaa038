import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { Failure } from "./failure.mjs";
import { EVERYTHING } from "./parts.mjs";
import { inRoot } from "./paths.mjs";

const LOCKFILE = inRoot("package-lock.json");
/** npm writes this as the last step of an install; it lists what is there. */
const INSTALLED = inRoot("node_modules", ".package-lock.json");
const STAMP = inRoot("node_modules", ".cairn-installed");
const QUIETLY = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];

/**
 * Makes node_modules what package-lock.json says, as far as these parts go; what is there of others stays. Costs a millisecond when it is so
 * already. An install that was interrupted leaves no stamp, so the next call repeats it.
 * @param {import("./parts.mjs").Part[]} [parts]
 */
export async function ensureDependencies(parts = EVERYTHING) {
  if (isInstalled(parts)) return;
  const { withLock } = await import("./lock.mjs");
  await withLock(inRoot(".cache", "install.lock"), "installing dependencies", async () => {
    if (isInstalled(parts)) return;
    const present = stampedParts() ?? partsInstalledByHand();
    const missing = parts.filter((part) => !present.includes(part));
    const wanted = EVERYTHING.filter((part) => present.includes(part) || parts.includes(part));
    if (missing.length > 0) await install(present, missing, wanted);
    writeFileSync(STAMP, `${lockedFor()}${wanted.join(" ")}`);
  });
}

function isInstalled(parts) {
  const present = stampedParts();
  return present !== undefined && parts.every((part) => present.includes(part));
}

/** Undefined when nothing is known to be installed as the lockfile has it now. */
function stampedParts() {
  const stamp = readIfThere(STAMP);
  const locked = lockedFor();
  return stamp?.startsWith(locked) ? stamp.slice(locked.length).split(" ") : undefined;
}

const lockedFor = () =>
  `${createHash("sha256").update(readFileSync(LOCKFILE)).digest("hex")} ${process.platform}-${process.arch}\n`;

/** Somebody may have run `npm ci` or `npm install`, with or without `--omit=dev`, instead of us. */
function partsInstalledByHand() {
  const installed = JSON.parse(readIfThere(INSTALLED) ?? "{}").packages;
  if (!installed) return [];
  const locked = Object.entries(JSON.parse(readFileSync(LOCKFILE, "utf8")).packages);
  const lacks = ([path, entry]) => path !== "" && !entry.optional && installed[path]?.integrity !== entry.integrity;
  const missing = locked.filter(lacks);
  if (missing.length === 0) return EVERYTHING;
  return missing.every(([, { dev }]) => dev) ? EVERYTHING.filter((part) => part !== "tools") : [];
}

async function install(present, missing, wanted) {
  const [{ limitTo }, { withInstallProgress }] = await Promise.all([
    import("./parts.mjs"),
    import("./install-progress.mjs"),
  ]);
  for (const file of [STAMP, INSTALLED]) rmSync(file, { force: true });
  // "ci" begins with an empty folder, whatever an interrupted install has left; "install" adds to what is known to be right.
  const isFresh = present.length === 0;
  const command = isFresh ? ["ci"] : ["install", "--no-save"];
  const run = () => npm([...command, ...limitTo(wanted), ...QUIETLY]);
  const { code, interrupted } = await withInstallProgress(missing, isFresh, run);
  if (interrupted) throw new Failure("Interrupted: the next start installs the dependencies again.", 130);
  if (code !== 0) throw new Failure("The dependencies could not be installed: see npm's message above.");
  if (wanted.includes("node")) (await import("./node.mjs")).linkBundledNode();
}

/** The npm that runs this script, else the one on the PATH. */
async function npm(args) {
  const { runAttached } = await import("./processes.mjs");
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  if (cli?.endsWith("npm-cli.js")) return runAttached(node ?? process.execPath, [cli, ...args]);
  return runAttached("npm", args, { shell: process.platform === "win32" });
}

function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}
