import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { Failure } from "./failure.mjs";
import { withLock } from "./lock.mjs";
import { inRoot } from "./paths.mjs";
import { runAttached } from "./processes.mjs";

const LOCKFILE = inRoot("package-lock.json");
/** npm writes this as the last step of an install; it lists what is there. */
const INSTALLED = inRoot("node_modules", ".package-lock.json");
const STAMP = inRoot("node_modules", ".cairn-installed");
const INSTALL = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];

/**
 * Makes node_modules what package-lock.json says. Costs a millisecond when it is so already. An install that was
 * interrupted leaves no stamp, so the next call repeats it.
 */
export async function ensureDependencies() {
  if (isStamped()) return;
  await withLock(inRoot(".cache", "install.lock"), "npm ci", async () => {
    if (isStamped()) return;
    if (!isInstalledByHand()) await install();
    writeFileSync(STAMP, wanted());
  });
}

const wanted = () =>
  `${createHash("sha256").update(readFileSync(LOCKFILE)).digest("hex")} ${process.platform}-${process.arch}\n`;

function isStamped() {
  return readIfThere(STAMP) === wanted();
}

/** Whether somebody ran `npm ci` or `npm install` in full already. */
function isInstalledByHand() {
  const installed = JSON.parse(readIfThere(INSTALLED) ?? "{}").packages;
  if (!installed) return false;
  const locked = Object.entries(JSON.parse(readFileSync(LOCKFILE, "utf8")).packages);
  return locked.every(
    ([path, entry]) => path === "" || entry.optional || installed[path]?.integrity === entry.integrity,
  );
}

async function install() {
  console.log("Installing the locked dependencies (npm ci) ...");
  for (const file of [STAMP, INSTALLED]) rmSync(file, { force: true });
  const { code, interrupted } = await npm(INSTALL);
  if (interrupted) throw new Failure("Interrupted: the next start installs the dependencies again.", 130);
  if (code !== 0) throw new Failure("The dependencies could not be installed: see npm's message above.");
}

/** The npm that runs this script, else the one on the PATH. */
function npm(args) {
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
