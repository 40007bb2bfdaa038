// npm test [-- vitest's arguments]: sets everything up, then checks types, format and lint, and runs all tests.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBuilt } from "./lib/bundle.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { Failure } from "./lib/failure.mjs";
import { findNode } from "./lib/node.mjs";
import { inRoot } from "./lib/paths.mjs";
import { runAttached, runCaptured } from "./lib/processes.mjs";
import { ensureEnvironment, findPython } from "./lib/python.mjs";
import { countVitest, sum, summary } from "./lib/report.mjs";

const ENVIRONMENTS = ["mlflow-3", "mlflow-2"];
const FAILED = { passed: 0, failed: 1, skipped: 0 };
const NOTHING = { passed: 0, failed: 0, skipped: 0 };
const isCi = process.env.CI === "true";

const counts = await runEverything(process.argv.slice(2)).catch((error) => {
  console.error(error instanceof Failure ? error.message : error);
  return FAILED;
});
if (isCi && counts.skipped > 0) console.error("Under CI=true a skipped test is a failure.");
const isGood = counts.failed === 0 && counts.passed > 0 && !(isCi && counts.skipped > 0);
process.exitCode = isGood ? 0 : 1;
console.log(summary(counts));

async function runEverything(args) {
  await ensureDependencies();
  await ensureBuilt();
  const node = findNode();
  const [checked, python] = await Promise.all([runChecks(node), setUpPython(args)]);
  return sum([checked, python.counts, await runVitest(node, args, python.env)]);
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

/** The interpreters of the client suites, as the variables in which test/setup/python.ts looks for them. */
async function setUpPython(args) {
  if (!needsPython(args)) return { counts: NOTHING, env: {} };
  const python = await findPython();
  if (!python) return reportMissing("no Python from 3.10 on that can make virtual environments");
  console.log(`Preparing the MLflow clients on Python ${python.version} (a few minutes, the first time) ...`);
  const made = await Promise.all(ENVIRONMENTS.map((name) => ensureEnvironment(python, name)));
  const env = Object.fromEntries(made.filter((it) => it.python).map((it) => [variableOf(it.name), it.python]));
  const problems = made.filter((it) => it.problem).map((it) => `${it.name}: ${it.problem}`);
  return problems.length > 0 ? { ...reportMissing(problems.join("\n")), env } : { counts: NOTHING, env };
}

function reportMissing(what) {
  if (isCi) console.error(`The MLflow clients are missing, and CI=true demands them: ${what}`);
  else console.log(`Skipping the tests with real MLflow clients: ${what}`);
  return { counts: isCi ? FAILED : NOTHING, env: {} };
}

const variableOf = (name) => `CAIRN_TEST_PYTHON_${name.toUpperCase().replace("-", "_")}`;

/** False when the arguments are only file filters, and none of them can mean a suite with real clients. */
function needsPython(args) {
  if (args.length === 0 || args.some((it) => it.startsWith("-"))) return true;
  const suites = readdirSync(inRoot("test", "clients")).map((file) => `test/clients/${file}`);
  return args.some((filter) => suites.some((suite) => suite.includes(filter)));
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
