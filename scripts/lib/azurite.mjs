import { createHash } from "node:crypto";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, ensureCached, whyFailed } from "./cache.mjs";
import { inRoot } from "./paths.mjs";
import { runCaptured } from "./processes.mjs";

const SOURCE = inRoot("test", "emulators", "azurite");
const INSTALL = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];

/**
 * The folder in which Azurite is installed, kept outside the clone and made once for each content of its lock file.
 * @returns {Promise<{ folder: string } | { problem: string }>} `folder` is what the tests want as CAIRN_TEST_AZURITE
 */
export async function prepareAzurite() {
  const folder = join(cacheFolder("azurite"), lockHash());
  const problem = await ensureCached(folder, install);
  return problem ? { problem } : { folder };
}

const lockHash = () =>
  createHash("sha256")
    .update(readFileSync(join(SOURCE, "package-lock.json")))
    .digest("hex")
    .slice(0, 16);

async function install(draft) {
  cpSync(SOURCE, draft, { recursive: true, filter: (path) => !path.includes("node_modules") });
  const result = await npm(INSTALL, draft);
  return result.code === 0 ? undefined : whyFailed("azurite", result);
}

/** The npm that runs this script, else the one on the PATH. */
function npm(args, cwd) {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  if (cli?.endsWith("npm-cli.js")) return runCaptured(node ?? process.execPath, [cli, ...args], { cwd });
  return runCaptured("npm", args, { cwd, shell: process.platform === "win32" });
}
