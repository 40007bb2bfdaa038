import type { Server } from "../subjects/server.ts";

/** What one round of a workload has measured at one server. */
export interface Sample {
  /** Milliseconds of each operation, or of the one there was. */
  readonly p50: number;
  readonly p99: number;
  /** Operations, or what the workload counts instead, a second. */
  readonly perSecond: number;
  /** Of the server and all its processes, microseconds for each operation. */
  readonly cpu: number;
  /** MB above what it had before, where the workload watches it. */
  readonly growth?: number;
}

interface Duration {
  readonly warmUpMs?: number;
  readonly measureMs?: number;
  readonly atMost?: number;
  /** What one operation counts for, such as the points in a batch. */
  readonly counts?: number;
}

/** Repeats an operation, one after the other on each of `lanes`, for a time or `atMost` so many times a lane. */
export async function repeat(
  server: Server,
  lanes: readonly ((i: number) => Promise<unknown>)[],
  { warmUpMs = 300, measureMs = 1_500, atMost = Number.POSITIVE_INFINITY, counts = 1 }: Duration = {},
): Promise<Sample> {
  let next = 0;
  const runFor = async (ms: number, times: number[]) => {
    const end = performance.now() + ms;
    await Promise.all(
      lanes.map(async (operation) => {
        for (let n = 0; n < atMost; n++) {
          const begun = performance.now();
          if (begun > end && n > 0) return;
          await operation(next++);
          times.push(performance.now() - begun);
        }
      }),
    );
  };
  if (warmUpMs > 0) await runFor(warmUpMs, []);
  const times: number[] = [];
  const cpuBefore = server.cpuMicroseconds();
  const begun = performance.now();
  await runFor(measureMs, times);
  const tookMs = performance.now() - begun;
  const cpu = (server.cpuMicroseconds() - cpuBefore) / times.length;
  return { ...percentiles(times), perSecond: (times.length * counts * 1_000) / tookMs, cpu };
}

/** A piece of work measured as a whole. */
export async function once(server: Server, work: () => Promise<unknown>, counts = 1): Promise<Sample> {
  const cpuBefore = server.cpuMicroseconds();
  const begun = performance.now();
  await work();
  const tookMs = performance.now() - begun;
  const cpu = server.cpuMicroseconds() - cpuBefore;
  return { p50: tookMs, p99: tookMs, perSecond: (counts * 1_000) / tookMs, cpu };
}

/** What was measured by other means than calls. */
export const sampleOf = (ms: number, cpu = Number.NaN): Sample => ({ p50: ms, p99: ms, perSecond: 1_000 / ms, cpu });

export function percentiles(times: number[]): { p50: number; p99: number } {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { p50: at(0.5), p99: at(0.99) };
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
};
