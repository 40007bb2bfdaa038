import { ensureEnvironment, findPython } from "./python.mjs";
import { suitesWanted } from "./suites.mjs";

const ENVIRONMENTS = ["mlflow-3", "mlflow-2", "schemathesis"];

/**
 * The interpreters of the suites with Python clients (MLflow, schemathesis), as the variables in which test/setup/python.ts looks for
 * them, and what is missing. Nothing is prepared when vitest's arguments leave those suites out.
 * @param {string[]} vitestArgs
 * @returns {Promise<{ env: Record<string, string>, missing: string[] }>}
 */
export async function prepareClients(vitestArgs) {
  if (!suitesWanted(vitestArgs, ["clients", "page"])) return { env: {}, missing: [] };
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
