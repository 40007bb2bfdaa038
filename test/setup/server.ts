import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireNoSecret, requireNoSecretBelow } from "./secrets.ts";

export interface ServerOptions {
  /** `light` is what `npm start` runs; `strict` goes through the Functions library's own conversions. */
  readonly mode: "light" | "strict";
  /** Data folder; a temporary one, removed by `stop`, when absent. */
  readonly folder?: string;
  /** 0 (default): any free one. */
  readonly port?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** More options of the command. */
  readonly args?: readonly string[];
}

export interface RunningServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly pid: number;
  readonly folder: string;
  /** All that it has printed so far. */
  output(): string;
  /** Resolves when the process is gone, with its exit code (null after SIGKILL). */
  kill(signal: NodeJS.Signals): Promise<number | null>;
  /** Ends it cleanly, fails when a secret that the tests have sent is in what it printed or stored, and removes a temporary folder. */
  stop(): Promise<void>;
}

const ROOT = join(import.meta.dirname, "..", "..");
const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 10_000;
const POLL_MS = 10;

/**
 * Starts the local host as it is built, which the set-up of the tests has done, and waits until it says where it listens.
 * @throws Error with what it printed, when it ends before that
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "cairn-server-")));
  const args = ["dist/host/main.js", "--port", String(options.port ?? 0), "--data", folder];
  if (options.mode === "strict") args.push("--strict");
  args.push(...(options.args ?? []));
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = collectOutput(child);
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const kill = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };
  try {
    const url = await untilListening(output, ended);
    const stop = async () => {
      await stopServer(child, ended);
      try {
        requireNoSecret("what the server printed", output());
        requireNoSecretBelow(folder);
      } finally {
        if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
      }
    };
    return { url, pid: child.pid!, folder, output, kill, stop };
  } catch (error) {
    await kill("SIGKILL");
    throw error;
  }
}

/** What a process prints, stdout and stderr as they come. */
export function collectOutput(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return () => text;
}

/** Waits for the URL that the host prints. */
export async function untilListening(
  output: () => string,
  ended: Promise<unknown>,
  limitMs = START_LIMIT_MS,
): Promise<string> {
  let gone = false;
  void ended.then(() => {
    gone = true;
  });
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline) {
    const url = /http:\/\/127\.0\.0\.1:(?!0\b)\d+/.exec(output())?.[0];
    if (url) return url;
    if (gone) throw new Error(`The server ended before it listened:\n${output()}`);
    await delay(POLL_MS);
  }
  throw new Error(`The server did not say where it listens:\n${output()}`);
}

async function stopServer(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
  await ended;
  clearTimeout(late);
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
