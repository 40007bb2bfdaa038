import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { shellEnvironment } from "../setup/clone.ts";
import { collectOutput, untilListening } from "../setup/server.ts";

const INSTALL_LIMIT_MS = 240_000;

/** A command that a test has started, as a person does in a terminal. */
export interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Its exit code; null after a signal. */
  readonly ended: Promise<number | null>;
  /** The address that the workspace prints. */
  url(): Promise<string>;
}

/** Starts commands in a folder, and ends what is left of them. */
export class Terminal {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #running: Started[] = [];

  constructor(folder: string, env: NodeJS.ProcessEnv = shellEnvironment()) {
    this.#folder = folder;
    this.#env = env;
  }

  /** In a process group of its own, as a terminal gives each command. */
  start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
    const child = spawn(command, args, {
      cwd: this.#folder,
      env: { ...this.#env, ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(child, "close").then(([code]) => code as number | null);
    const output = collectOutput(child);
    const url = () => untilListening(output, ended, INSTALL_LIMIT_MS);
    const started = { child, output, ended, url };
    this.#running.push(started);
    return started;
  }

  npmStart(...options: string[]): Started {
    return this.start("npm", ["start", "--", ...options]);
  }

  async close(): Promise<void> {
    for (const started of this.#running.splice(0)) {
      signalGroup(started.child, "SIGKILL");
      await started.ended;
    }
  }
}

/** As a terminal does it: to the command and all that it started. */
export function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid!, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
