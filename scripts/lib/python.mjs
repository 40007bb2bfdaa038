import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, ensureCached, whyFailed } from "./cache.mjs";
import { inRoot } from "./paths.mjs";
import { runCaptured } from "./processes.mjs";

const CANDIDATES = ["python3", "python3.12", "python3.11", "python3.13", "python3.10", "python"];
const DESCRIBE = "import sys, venv, ensurepip; print('%d.%d.%d' % sys.version_info[:3], sys.executable)";

/**
 * @typedef {{ version: string, executable: string }} Python
 * @typedef {{ name: string, python: string } | { name: string, problem: string }} Environment
 */

/**
 * The first Python from 3.10 on that can make virtual environments.
 * @returns {Promise<Python | undefined>}
 */
export async function findPython() {
  for (const command of CANDIDATES) {
    const { code, output } = await runCaptured(command, ["-c", DESCRIBE]);
    const [, version, minor, executable] = /^(3\.(\d+)\.\d+) (.+)$/m.exec(output) ?? [];
    if (code === 0 && version && executable && Number(minor) >= 10) return { version, executable };
  }
  return undefined;
}

/**
 * A virtual environment with what a requirement file pins, kept outside the clone and made once for each content of
 * that file and version of Python.
 * @param {Python} python
 * @param {string} name `mlflow-3` for `requirements-mlflow-3.txt` in `folder`
 * @param {{ folder?: string, flags?: string[] }} [options] a folder of the clone, and more arguments for pip
 * @returns {Promise<Environment>}
 */
export async function ensureEnvironment(python, name, { folder: from = "test/clients", flags = [] } = {}) {
  const requirements = inRoot(from, `requirements-${name}.txt`);
  const folder = join(cacheFolder("python"), `${name}-${keyOf(python, readFileSync(requirements))}`);
  const wanted = [...flags, "-r", requirements];
  const problem = await ensureCached(folder, (draft) => buildEnvironment(python, name, wanted, draft));
  // Only the interpreter is used by path, so the scripts' stale first lines in a renamed environment do no harm.
  return problem ? { name, problem } : { name, python: interpreterOf(folder) };
}

const keyOf = (python, requirements) =>
  createHash("sha256").update(`${python.version} ${process.arch}\n`).update(requirements).digest("hex").slice(0, 16);

const interpreterOf = (folder) =>
  process.platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");

/** @returns {Promise<string | undefined>} what went wrong */
async function buildEnvironment(python, name, wanted, draft) {
  const steps = [
    [python.executable, ["-m", "venv", draft]],
    [interpreterOf(draft), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...wanted]],
  ];
  for (const [command, args] of steps) {
    const result = await runCaptured(command, args);
    if (result.code !== 0) return whyFailed(`python-${name}`, result);
  }
  return undefined;
}
