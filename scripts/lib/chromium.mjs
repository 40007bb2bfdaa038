import { existsSync } from "node:fs";
import { whyFailed } from "./cache.mjs";
import { runCaptured } from "./processes.mjs";
import { suitesWanted } from "./suites.mjs";

/** Where Debian's package has it. */
const CHROMIUM = "/usr/bin/chromium";

/**
 * The browser of the suites that look at pages, as the variable in which test/setup/browser.ts looks for it, and what is missing. It is
 * installed where that can be done: from Debian's package, by root. Nothing is prepared when vitest's arguments leave those suites out.
 * @param {string[]} vitestArgs
 * @returns {Promise<{ env: Record<string, string>, missing: string[] }>}
 */
export async function prepareChromium(vitestArgs) {
  if (!suitesWanted(vitestArgs, ["page"])) return { env: {}, missing: [] };
  const problem = existsSync(CHROMIUM) ? undefined : await install();
  if (problem) return { env: {}, missing: [`Chromium: ${problem}`] };
  return { env: { CAIRN_TEST_CHROMIUM: CHROMIUM }, missing: [] };
}

/** @returns {Promise<string | undefined>} what went wrong */
async function install() {
  const instead = `install Debian's package chromium (${CHROMIUM} is looked for)`;
  if (process.platform !== "linux" || !existsSync("/usr/bin/apt-get")) return `no apt-get here: ${instead}`;
  if (process.getuid() !== 0) return `only root can install it: ${instead}`;
  console.log("Installing Chromium (a minute, the first time) ...");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "--yes", "--no-install-recommends", "chromium"]]) {
    const result = await runCaptured("apt-get", ["-qq", ...args], { env });
    if (result.code !== 0) return whyFailed("chromium", result);
  }
  return existsSync(CHROMIUM) ? undefined : `the package has no ${CHROMIUM}`;
}
