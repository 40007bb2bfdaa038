import { readdirSync } from "node:fs";
import { inRoot } from "./paths.mjs";
import { ensureEnvironment, findPython } from "./python.mjs";

const ENVIRONMENTS = ["mlflow-3", "mlflow-2", "schemathesis"];

/**
 * The interpreters of the suites with Python clients (MLflow, schemathesis), as the variables in which test/setup/python.ts looks for
 * them, and what is missing. Nothing is prepared when vitest's arguments leave those suites out.
 * @param {string[]} vitestArgs
 * @returns {Promise<{ env: Record<string, string>, missing: string[] }>}
 */
export async function prepareClients(vitestArgs) {
  if (!clientsWanted(vitestArgs)) return { env: {}, missing: [] };
  const python = await findPython();
  if (!python) return { env: {}, missing: ["no Python from 3.10 on that can make virtual environments"] };
  console.log(`Preparing the Python clients on Python ${python.version} (a few minutes, the first time) ...`);
  const made = await Promise.all(ENVIRONMENTS.map((name) => ensureEnvironment(python, name)));
  return {
    env: Object.fromEntries(made.filter((it) => it.python).map((it) => [variableOf(it.name), it.python])),
    missing: made.filter((it) => it.problem).map((it) => `${it.name}: ${it.problem}`),
  };
}

const variableOf = (name) => `CAIRN_TEST_PYTHON_${name.toUpperCase().replace("-", "_")}`;

/** False when the arguments are only file filters, and none of them can mean a suite with real clients. */
function clientsWanted(args) {
  if (args.length === 0 || args.some((it) => it.startsWith("-"))) return true;
  const suites = readdirSync(inRoot("test", "clients")).map((file) => `test/clients/${file}`);
  return args.some((filter) => suites.some((suite) => suite.includes(filter)));
}
