import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isAlive } from "./lock.mjs";
import { inRoot } from "./paths.mjs";
import { runCaptured } from "./processes.mjs";

const SOURCE = inRoot("test", "emulators", "azurite");
const INSTALL = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];

/**
 * The folder in which Azurite is installed, kept outside the clone and made once for each content of its lock file.
 * It is installed under a temporary name and renamed when complete, so an interrupted install leaves nothing that
 * would be used; of two racing installs one wins.
 * @returns {Promise<{ folder: string } | { problem: string }>} `folder` is what the tests want as CAIRN_TEST_AZURITE
 */
export async function prepareAzurite() {
  const folder = join(cacheFolder(), lockHash());
  const problem = existsSync(folder) ? undefined : await install(folder);
  return problem ? { problem } : { folder };
}

const cacheFolder = () => join(process.env.CAIRN_CACHE ?? join(homedir(), ".cache", "cairn"), "azurite");

const lockHash = () =>
  createHash("sha256")
    .update(readFileSync(join(SOURCE, "package-lock.json")))
    .digest("hex")
    .slice(0, 16);

/** @returns {Promise<string | undefined>} what went wrong */
async function install(folder) {
  const draft = `${folder}.${process.pid}.draft`;
  mkdirSync(cacheFolder(), { recursive: true });
  removeAbandonedDrafts();
  try {
    cpSync(SOURCE, draft, { recursive: true, filter: (path) => !path.includes("node_modules") });
    const { code, output } = await npm(INSTALL, draft);
    return code === 0 ? publish(draft, folder) : lastLines(output) || `npm ended with exit code ${code}`;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** What killed installs have left. */
function removeAbandonedDrafts() {
  for (const name of readdirSync(cacheFolder())) {
    const pid = /\.(\d+)\.draft$/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) rmSync(join(cacheFolder(), name), { recursive: true, force: true });
  }
}

/** The npm that runs this script, else the one on the PATH. */
function npm(args, cwd) {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  if (cli?.endsWith("npm-cli.js")) return runCaptured(node ?? process.execPath, [cli, ...args], { cwd });
  return runCaptured("npm", args, { cwd, shell: process.platform === "win32" });
}

function publish(draft, folder) {
  try {
    renameSync(draft, folder);
  } catch (error) {
    if (!existsSync(folder)) return String(error);
  }
  return undefined;
}

const lastLines = (output) => output.trim().split("\n").slice(-15).join("\n");
