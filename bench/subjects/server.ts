import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cpuMicroseconds, memoryMb, processTree } from "../lib/process-tree.ts";
import { Connection } from "../lib/wire.ts";

/** What can be measured, and how it is started. */
export interface Subject {
  readonly name: string;
  /** What a commit survives: D0 the end of the process, D1 the end of the machine's power too. */
  readonly durability: "D0" | "D1";
  command(place: { readonly port: number; readonly folder: string }): { command: string; args: string[] };
  readonly env?: NodeJS.ProcessEnv;
  /** Database file below its folder. */
  readonly database?: string;
}

const SERVER_CPU = "0";
const START_LIMIT_MS = 90_000;

/** A subject that runs, pinned to a core of its own, with a fresh folder. */
export class Server {
  readonly subject: Subject;
  readonly folder: string;
  readonly url: string;
  /** From the start of its process to the first 200 of experiments/search. */
  startMs = 0;
  private readonly port: number;
  private child: ChildProcess | undefined;

  private constructor(subject: Subject, port: number) {
    this.subject = subject;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));
  }

  static async start(subject: Subject): Promise<Server> {
    const server = new Server(subject, await freePort());
    await server.launch();
    return server;
  }

  /** Ends it as a person does, and starts it again on the same data, or on what `meanwhile` has made of it. */
  async restart(meanwhile?: () => Promise<void>): Promise<void> {
    this.child!.kill("SIGTERM");
    await this.untilGone();
    await meanwhile?.();
    await this.launch();
  }

  private async launch(): Promise<void> {
    const { command, args } = this.subject.command({ port: this.port, folder: this.folder });
    const log = openSync(join(this.folder, "server.log"), "w");
    const begun = performance.now();
    this.child = spawn("taskset", ["-c", SERVER_CPU, command, ...args], {
      stdio: ["ignore", log, log],
      env: { ...process.env, ...this.subject.env },
      cwd: this.folder,
      detached: true,
    });
    closeSync(log);
    if (!(await untilItAnswers(this.url, this.child))) {
      const printed = readFileSync(join(this.folder, "server.log"), "utf8").slice(-2_000);
      throw new Error(`${this.subject.name} did not start:\n${printed}`);
    }
    this.startMs = performance.now() - begun;
  }

  get pid(): number {
    return this.child!.pid!;
  }

  connect(): Connection {
    return new Connection(this.url);
  }

  cpuMicroseconds(): number {
    return cpuMicroseconds(this.pid);
  }

  memoryMb(): number {
    return memoryMb(this.pid);
  }

  /** Stands still while another server is measured. */
  pause(): void {
    this.signal("SIGSTOP");
  }

  resume(): void {
    this.signal("SIGCONT");
  }

  async stop(): Promise<void> {
    this.signal("SIGKILL");
    await this.untilGone();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async untilGone(): Promise<void> {
    const { exitCode, signalCode } = this.child!;
    if (exitCode === null && signalCode === null) await once(this.child!, "exit");
  }

  private signal(signal: NodeJS.Signals): void {
    for (const pid of processTree(this.pid)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}

async function untilItAnswers(url: string, child: ChildProcess): Promise<boolean> {
  const deadline = Date.now() + START_LIMIT_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    const connection = new Connection(url);
    const request = connection.prepare("GET", "/api/2.0/mlflow/experiments/search?max_results=1");
    const status = await connection.send(request).then(
      (answer) => answer.status,
      () => 0,
    );
    connection.close();
    if (status === 200) return true;
    await delay(1);
  }
  return false;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
