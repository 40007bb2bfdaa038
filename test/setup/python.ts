export type ClientVersion = "2" | "3";

/**
 * The interpreter that has MLflow 2.x or 3.x installed. `npm test` prepares both and names them in the environment;
 * undefined where there is no Python, or when vitest is run by itself.
 */
export function pythonWithMlflow(version: ClientVersion): string | undefined {
  return process.env[`CAIRN_TEST_PYTHON_MLFLOW_${version}`];
}

/** The interpreter that has schemathesis installed; undefined where there is no Python, or when vitest is run by itself. */
export function pythonWithSchemathesis(): string | undefined {
  return process.env.CAIRN_TEST_PYTHON_SCHEMATHESIS;
}

/** What every Python client process runs with: nothing is reported to anybody, and no state outside `home`. */
export function clientEnvironment(trackingUri: string, home: string): NodeJS.ProcessEnv {
  const { PATH, LANG } = process.env;
  return {
    PATH,
    LANG,
    HOME: home,
    TMPDIR: home,
    MLFLOW_TRACKING_URI: trackingUri,
    MLFLOW_DISABLE_TELEMETRY: "true",
    DO_NOT_TRACK: "true",
    MPLBACKEND: "Agg",
    MPLCONFIGDIR: home,
    PYTHONUNBUFFERED: "1",
    PYTHONDONTWRITEBYTECODE: "1",
    GIT_PYTHON_REFRESH: "quiet",
    OMP_NUM_THREADS: "1",
    LOKY_MAX_CPU_COUNT: "1",
  };
}
