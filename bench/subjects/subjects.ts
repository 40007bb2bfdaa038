import { dirname, join } from "node:path";
import type { Subject } from "./server.ts";

const ENTRY = join(import.meta.dirname, "..", "..", "dist", "host", "main.js");

/** As `npm start` has them: young objects get less room, which costs next to no time. */
const NODE_ARGUMENTS = ["--max-semi-space-size=16"];

const cairn = (name: string, durability: "D0" | "D1", ...more: string[]): Subject => ({
  name,
  durability,
  command: ({ port, folder }) => ({
    command: process.execPath,
    args: [...NODE_ARGUMENTS, ENTRY, "--port", String(port), "--data", join(folder, "data"), ...more],
  }),
});

export const CAIRN = cairn("cairn", "D0");
export const CAIRN_DURABLE = cairn("cairn --durable", "D1", "--durable");

const QUIET = {
  MLFLOW_DISABLE_TELEMETRY: "true",
  DO_NOT_TRACK: "true",
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false",
};

/** The folder of the scripts must be on the path: the server starts uvicorn by its name. */
const mlflow = (name: string, python: string, ...more: string[]): Subject => ({
  name,
  durability: "D1",
  database: "mlflow.db",
  env: { ...QUIET, PATH: `${dirname(python)}:${process.env.PATH}` },
  command: ({ port, folder }) => ({
    command: python,
    args: [
      ...["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", String(port)],
      ...["--backend-store-uri", `sqlite:///${folder}/mlflow.db`, "--artifacts-destination", `${folder}/artifacts`],
      ...more,
    ],
  }),
});

const fasttrackml = (program: string): Subject => ({
  name: "fasttrackml",
  durability: "D1",
  database: "fml.db",
  command: ({ port, folder }) => ({
    command: program,
    args: [
      ...["server", "-a", `127.0.0.1:${port}`, "-d", `sqlite://${folder}/fml.db`],
      ...["--default-artifact-root", `${folder}/artifacts`],
    ],
  }),
});

/** The peers that `npm run bench` has installed and named in the environment; the first is MLflow's best for single calls. */
export function installedPeers(): Subject[] {
  const { CAIRN_BENCH_MLFLOW: python, CAIRN_BENCH_FASTTRACKML: program } = process.env;
  return [
    ...(python ? [mlflow("mlflow, 1 worker", python, "--workers", "1"), mlflow("mlflow, default", python)] : []),
    ...(program ? [fasttrackml(program)] : []),
  ];
}
