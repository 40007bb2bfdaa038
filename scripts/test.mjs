// npm test [-- [--all] vitest's arguments]: sets everything up, then checks types, format and lint, and runs the tests; with --all, or where files
// are named, also those that take long.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBuilt } from "./lib/bundle.mjs";
import { prepareChromium } from "./lib/chromium.mjs";
import { prepareClients } from "./lib/clients.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { prepareEmulators } from "./lib/emulators.mjs";
import { Failure } from "./lib/failure.mjs";
import { findNode } from "./lib/node.mjs";
import { inRoot } from "./lib/paths.mjs";
import { runAttached, runCaptured } from "./lib/processes.mjs";
import { countVitest, sum, summary } from "./lib/report.mjs";

const IS_CI = process.env.CI === "true";
const FAILED = { passed: 0, failed: 1, skipped: 0 };
const NOTHING = { passed: 0, failed: 0, skipped: 0 };

const given = process.argv.slice(2);
const args = given.filter((arg) => arg !== "--all");
const namesFiles = args.some((arg) => !arg.startsWith("-"));
if (given.includes("--all") || namesFiles) process.env.CAIRN_TESTS = "all";

const counts = await runEverything(args).catch((error) => {
  console.error(error instanceof Failure ? error.message : error);
  return FAILED;
});
const unexplained = counts.unexplained ?? 0;
if (IS_CI && unexplained > 0) console.error(`Under CI=true a test skipped without a reason fails: ${unexplained}.`);
const isGood = counts.failed === 0 && counts.passed > 0 && !(IS_CI && unexplained > 0);
process.exitCode = isGood ? 0 : 1;
console.log(summary(counts));

async function runEverything(args) {
  await ensureDependencies();
  await ensureBuilt();
  const node = findNode();
  const prepared = [prepareClients(args), prepareEmulators(args), prepareChromium(args)];
  const [checked, clients, emulators, chromium] = await Promise.all([runChecks(node), ...prepared]);
  const found = [...clients.missing, ...emulators.missing, ...chromium.missing];
  const missing = found.length > 0 ? reportMissing(found) : NOTHING;
  return sum([checked, missing, await runVitest(node, args, { ...clients.env, ...emulators.env, ...chromium.env })]);
}

/** Types, then format and lint; each is one failure at most, with its output shown. */
async function runChecks(node) {
  const types = await check("types", node, ["node_modules/typescript/bin/tsc", "--noEmit"]);
  const lint = await check("format and lint", node, ["node_modules/@biomejs/biome/bin/biome", "check"]);
  return sum([types, lint]);
}

async function check(what, command, args) {
  const { code, output } = await runCaptured(command, args);
  console.log(code === 0 ? `Checked: ${what}` : `${output}\nFailed: ${what}`);
  return code === 0 ? NOTHING : FAILED;
}

function reportMissing(missing) {
  const what = missing.join("\n");
  if (IS_CI) console.error(`What the suites need is missing, and CI=true demands it: ${what}`);
  else console.log(`Skipping the suites that need what is missing here: ${what}`);
  return IS_CI ? FAILED : NOTHING;
}

async function runVitest(node, args, env) {
  const folder = mkdtempSync(join(tmpdir(), "cairn-test-"));
  const file = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  try {
    const command = [inRoot("node_modules", "vitest", "vitest.mjs"), "run", ...reporters, ...args];
    const { code } = await runAttached(node, command, { env: { ...process.env, ...env } });
    return countVitest(file, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
