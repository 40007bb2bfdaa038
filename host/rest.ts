import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const LOOK_EVERY_MS = 10_000;
/** CPU time in which nothing of note happens, in milliseconds. */
const QUIET_CPU_MS = 100;
/** CPU time after which there may be something to give back. */
const WORK_CPU_MS = 1_000;

/** When to give memory back: work was done since the last time, and none during the last look. */
export class Rest {
  private atLastLookMs: number;
  private atLastTimeMs: number;

  /** @param cpuMs CPU time of the process so far */
  constructor(cpuMs: number) {
    this.atLastLookMs = cpuMs;
    this.atLastTimeMs = cpuMs;
  }

  /** Whether now is the time. */
  look(cpuMs: number): boolean {
    const isQuiet = cpuMs - this.atLastLookMs < QUIET_CPU_MS;
    this.atLastLookMs = cpuMs;
    if (!isQuiet || cpuMs - this.atLastTimeMs < WORK_CPU_MS) return false;
    this.atLastTimeMs = cpuMs;
    return true;
  }
}

/**
 * Gives memory back to the machine when work is done. V8 keeps what a busy time has left behind, two thirds of all on a laptop that is used now and
 * then, until it is told that memory is short.
 */
export function giveBackAtRest(): void {
  const rest = new Rest(cpuMs());
  setInterval(() => {
    if (!rest.look(cpuMs())) return;
    collect();
    // What that has cost is no work to rest from.
    rest.look(cpuMs());
  }, LOOK_EVERY_MS).unref();
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

let gc: ((options: { type: "major"; flavor: "last-resort" }) => void) | undefined;

function collect(): void {
  if (!gc) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc");
  }
  gc!({ type: "major", flavor: "last-resort" });
}
