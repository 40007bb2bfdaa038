import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");

/** A runtime like that of older Functions workers: it knows hooks, but none for what is logged. Prints the functions that the app registers. */
const OLDER_RUNTIME = `
  import { registerHooks } from "node:module";
  const names = [];
  globalThis.core = {
    version: "3.0.0",
    hostVersion: "4.0.0",
    Disposable: class { dispose() {} },
    registerFunction: ({ name }) => names.push(name),
    registerHook: (name) => { if (name === "log") throw new RangeError('Unrecognized hook "log"'); },
    setProgrammingModel: () => {},
    getProgrammingModel: () => undefined,
    log: () => {},
  };
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "@azure/functions-core" ? { url: "stub:core", format: "commonjs", shortCircuit: true } : next(specifier, context),
    load: (url, context, next) =>
      url === "stub:core" ? { format: "commonjs", source: "module.exports = globalThis.core;", shortCircuit: true } : next(url, context),
  });
  await import("./functions/index.ts");
  console.log(names.join(" "));
  process.exit(0);`;

test("with telemetry, in a runtime without hooks for what is logged: the app is there, and says what is missing", () => {
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", OLDER_RUNTIME], {
    cwd: ROOT,
    encoding: "utf8",
    env: {
      ...process.env,
      APPLICATIONINSIGHTS_CONNECTION_STRING:
        "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=http://127.0.0.1:9",
    },
  });
  expect(stdout).toContain("mlflow-api-2");
  expect(stderr).toContain("What is logged is not in the telemetry");
});
