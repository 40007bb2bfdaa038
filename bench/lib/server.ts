import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

/** A server under measurement, with a data folder of its own. */
export class MeasuredServer {
  readonly url: string;
  private readonly child: ChildProcess;
  private readonly folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.child = child;
    this.folder = folder;
  }

  /** Starts what `npm start` starts; `npm run build` must have been run. */
  static async start(args: readonly string[] = []): Promise<MeasuredServer> {
    const folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));
    const entry = join(ROOT, "dist", "host", "main.js");
    const child = spawn(process.execPath, [entry, "--port", "0", "--data", folder, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    for await (const chunk of child.stdout!) {
      printed += chunk;
      const url = /http:\/\/[\d.]+:\d+/.exec(printed)?.[0];
      if (url) return new MeasuredServer(url, child, folder);
    }
    throw new Error(`The server ended before it listened: ${printed}`);
  }

  /** CPU time of all threads so far, in microseconds. */
  cpuMicroseconds(): number {
    return cpuMicrosecondsOf(this.child.pid!);
  }

  /** Resident memory in MB: now and at its highest. */
  memory(): { now: number; highest: number } {
    const status = readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    const megabytes = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)![1]) / 1024;
    return { now: megabytes("VmRSS"), highest: megabytes("VmHWM") };
  }

  async stop(): Promise<void> {
    this.child.kill("SIGTERM");
    await once(this.child, "exit");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function cpuMicrosecondsOf(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  let nanoseconds = 0;
  for (const task of readdirSync(tasks)) {
    nanoseconds += Number(readFileSync(join(tasks, task, "schedstat"), "utf8").split(" ")[0]);
  }
  return nanoseconds / 1000;
}
