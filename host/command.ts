import { resolve } from "node:path";
import { parseArgs } from "node:util";
import hostJson from "../host.json" with { type: "json" };
import { readConfig } from "../shared/config.ts";
import { machineClock, machineIds } from "../shared/drivers/machine.ts";
import {
  BackupFailed,
  DataFolderInUse,
  DataFolderUnusable,
  DataFormatTooNew,
} from "../shared/drivers/sqlite/data-folder-errors.ts";
import { UPLOAD_VARIABLES } from "../shared/http/large-uploads.ts";
import { InvalidSettings, shownSetting } from "../shared/invalid-settings.ts";
import type { ProvidedServices } from "../shared/services.ts";
import { StoreUnavailable } from "../shared/stores/errors.ts";
import { StartError } from "./errors.ts";
import { type Host, startHost } from "./host.ts";
import { type LocalStores, openLocalStores } from "./local-stores.ts";
import { describeError, logToStandardError } from "./log.ts";
import { requireKnownName, requireLoopback } from "./loopback.ts";
import { serveMlflowPage } from "./mlflow-page.ts";
import { wakeOnSend } from "./queues.ts";

interface LocalApp {
  provideServices(services: ProvidedServices): unknown;
  /** Imports the app's entry module and returns its namespace. */
  load(): Promise<unknown>;
  /**
   * Makes a key for an owner, where there was none yet or it is to be replaced.
   * @param show shows it, before it is made; false when nobody can have seen it
   */
  ownerKey(replace: boolean, show: (key: string) => Promise<boolean>): Promise<boolean>;
}

interface Settings {
  readonly port: number;
  readonly folder: string;
  readonly hostname: string;
  readonly auth: boolean;
  readonly newOwnerKey: boolean;
  /** Under which others reach the host, where that is not what it listens on. */
  readonly url: string | undefined;
  readonly durable: boolean;
  readonly strict: boolean;
  /** Nothing is started: the data folder is copied there. */
  readonly backup: string | undefined;
  /** The built page of an installed mlflow. */
  readonly mlflowPage: string | undefined;
}

const USAGE = `Runs the workspace on this machine.

  npm start -- [options]

  --port <number>   Port to listen on, 0 for any free one (default 7071)
  --data <folder>   Where everything is kept (default ./.cairn)
  --host <name>     Address to listen on (default 127.0.0.1); others than this machine's own need --auth
  --auth            Ask every caller for a key or token. While there never was an owner, a start prints an owner's key, once
  --new-owner-key   With --auth: print a new owner's key, and revoke the one printed before
  --url <url>       Address at which others reach this, for instance that of a proxy that adds TLS
  --durable         Write to disk before each answer, so that nothing is lost when the power fails
  --backup <folder> Copy the data to a folder that is not there yet, while a server runs or not, and end
  --mlflow-page <folder>  Serve MLflow's own page at /: mlflow/server/js/build of an installed mlflow
  --strict          Convert requests exactly as Azure Functions does; slower
  --help            Show this`;

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** npm hands a Ctrl-C on although the terminal has sent it already: signals this close together are one. The same one again ends at once. */
const SAME_SIGNAL_MS = 500;
const SWEEP_AFTER_MS = 10_000;
const SWEEP_EVERY_MS = 3_600_000;

/**
 * The command behind `npm start`: opens the data folder, starts the app and tells the user where. What prevents a start is told in one
 * line, with exit code 1.
 */
export async function runCommand(args: readonly string[], app: LocalApp): Promise<void> {
  // What is kept here is nobody else's on this machine.
  process.umask(0o077);
  surviveLostOutput();
  try {
    const settings = readSettings(args);
    if (settings === "help") console.log(USAGE);
    else if (settings.backup !== undefined) await backUpTo(settings.backup, settings.folder);
    else await start(settings, app);
  } catch (error) {
    console.error(isExpected(error) ? `cairn: ${(error as Error).message}` : describeError(error));
    process.exit(1);
  }
}

function readSettings(args: readonly string[]): Settings | "help" {
  const values = parseArguments(args);
  if (values.help) return "help";
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535) {
    throw new StartError(`--port must be a whole number from 0 to 65535, not "${values.port}".`);
  }
  if (values["new-owner-key"] && !values.auth) throw new StartError("--new-owner-key goes with --auth.");
  for (const name of ["data", "backup", "host", "mlflow-page"] as const) {
    if (values[name] === "") throw new StartError(`--${name} must not be empty.`);
  }
  const folder = resolve(values.data);
  const { host: hostname, auth, "new-owner-key": newOwnerKey, durable, strict, backup } = values;
  const mlflowPage = values["mlflow-page"];
  return { port, folder, hostname, auth, newOwnerKey, url: publicUrl(values.url), durable, strict, backup, mlflowPage };
}

function publicUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && url.pathname === "/" && !url.search && !url.hash) return url.origin;
  throw new StartError(`--url must be like https://cairn.example.com, without a path, not "${shownSetting(text)}".`);
}

function parseArguments(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string", default: "7071" },
        data: { type: "string", default: "./.cairn" },
        host: { type: "string", default: "127.0.0.1" },
        auth: { type: "boolean", default: false },
        "new-owner-key": { type: "boolean", default: false },
        url: { type: "string" },
        durable: { type: "boolean", default: false },
        "mlflow-page": { type: "string" },
        strict: { type: "boolean", default: false },
        backup: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return values;
  } catch (error) {
    throw new StartError(`${(error as Error).message} --help shows the options.`);
  }
}

async function start(settings: Settings, app: LocalApp): Promise<void> {
  const { port, folder, hostname, auth, durable, strict } = settings;
  if (!auth) requireLoopback(hostname);
  await requireKnownName(hostname);
  const page = settings.mlflowPage === undefined ? [] : [serveMlflowPage(settings.mlflowPage, auth)];
  let host: Host | undefined;
  const baseUrl = () => settings.url ?? host?.url ?? `http://${hostname}:${port}`;
  const stores = await openLocalStores({ folder, durable, baseUrl });
  try {
    const queue = wakeOnSend(stores.queue, (name) => host?.wake(name));
    const { documents, blobs, secrets } = stores;
    await app.provideServices({
      documents,
      blobs,
      queue,
      secrets,
      clock: machineClock,
      ids: machineIds,
      loopbackUser: !auth,
      limitsBodies: strict,
      origins: settings.url === undefined ? [] : [settings.url],
    });
    host = await startHost({
      loadApp: app.load,
      port,
      hostname,
      authenticated: auth,
      origins: [...readConfig().origins, ...(settings.url === undefined ? [] : [settings.url])],
      mode: strict ? "strict" : "light",
      hostJson,
      queue: stores.queue,
      intercept: [...stores.intercept, ...page],
      clock: machineClock,
    });
    if (auth) await app.ownerKey(settings.newOwnerKey, showOwnerKey);
  } catch (error) {
    await stores.close();
    throw error;
  }
  stopOnSignal(host, stores);
  setTimeout(() => sweep(stores), SWEEP_AFTER_MS).unref();
  setInterval(() => sweep(stores), SWEEP_EVERY_MS).unref();
  console.log(greeting(baseUrl(), stores.where, { auth, strict }));
}

async function backUpTo(target: string, folder: string): Promise<void> {
  if (readConfig().azure) throw new StartError("--backup copies a data folder; the settings name stores in Azure.");
  const { backUp } = await import("../shared/drivers/embedded/backup.ts");
  const { target: made, files, lost } = await backUp(folder, target);
  console.log(
    `The data in ${folder} and ${files} files of artifacts are copied to ${made}. To run it: npm start -- --data ${made}`,
  );
  if (lost.length > 0) console.error(`Not copied, because their files were not there before: ${lost.join(", ")}`);
}

function sweep(stores: LocalStores): void {
  stores.sweep().catch((error: unknown) => logToStandardError({ level: "error", message: describeError(error) }));
}

/** Whether it has left this process; it is worth something once the server says that it runs. */
function showOwnerKey(key: string): Promise<boolean> {
  const text = `The owner's key, which is not shown again (--new-owner-key replaces it):

  export MLFLOW_TRACKING_TOKEN=${key}
`;
  return new Promise((resolve) => process.stdout.write(`${text}\n`, (error) => resolve(!error)));
}

function greeting(url: string, where: string, { auth, strict }: { auth: boolean; strict: boolean }): string {
  const token = auth ? "\n  export MLFLOW_TRACKING_TOKEN=<key>" : "";
  // Where bodies are limited, as in Azure.
  const uploads = Object.entries(UPLOAD_VARIABLES).map(([name, value]) => `\n  export ${name}=${value}`);
  return `Cairn is running at ${url}, with its data in ${where}. Ctrl-C stops it.

  MLflow      ${url}
  REST        ${url}/api/v1/workspaces

Next, in another terminal:

  export MLFLOW_TRACKING_URI=${url}${token}${strict ? uploads.join("") : ""}
  python examples/mlflow-sklearn/train.py
`;
}

function stopOnSignal(host: Host, stores: LocalStores): void {
  const seenMs = new Map<NodeJS.Signals, number>();
  const stop = async (signal: NodeJS.Signals) => {
    const nowMs = performance.now();
    if (nowMs - (seenMs.get(signal) ?? nowMs) > SAME_SIGNAL_MS) process.exit(130);
    const isFirst = seenMs.size === 0;
    if (!seenMs.has(signal)) seenMs.set(signal, nowMs);
    if (!isFirst) return;
    try {
      await host.close();
      await stores.close();
      process.exit(0);
    } catch (error) {
      console.error(describeError(error));
      process.exit(1);
    }
  };
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
}

/** Who reads what a host prints may go before it does: a closed pipe, a full disk, a terminal that is gone are no reason to stop. */
function surviveLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

/** What a person can put right who reads one line. */
const EXPECTED = [
  StartError,
  InvalidSettings,
  DataFolderInUse,
  DataFolderUnusable,
  DataFormatTooNew,
  BackupFailed,
  StoreUnavailable,
];

function isExpected(error: unknown): boolean {
  return EXPECTED.some((kind) => error instanceof kind);
}
