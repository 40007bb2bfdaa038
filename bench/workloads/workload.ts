import type { Sample } from "../lib/sampling.ts";
import type { Server } from "../subjects/server.ts";

/** Which figure of a sample tells who is ahead. */
export type Measure = "p50" | "perSecond" | "growth";

export interface Workload {
  /** As in `npm run bench -- W1`. */
  readonly id: string;
  readonly title: string;
  readonly measure: Measure;
  /** What `perSecond` counts; milliseconds and MB need no name. */
  readonly unit?: string;
  readonly rounds: number;
  /** Names of subjects that cannot do it, with the reason. */
  readonly without?: Readonly<Record<string, string>>;
  /** Only these; all when absent. */
  readonly only?: readonly string[];
  /** Before the first round at a server: data, and a check that the answers are right. What it returns is given to `run`. */
  prepare?(server: Server): Promise<unknown>;
  run(server: Server, prepared: unknown): Promise<Sample>;
}

export const API = "/api/2.0/mlflow";

export const workload = <T>(
  it: Omit<Workload, "prepare" | "run"> & {
    prepare?(server: Server): Promise<T>;
    run(server: Server, prepared: T): Promise<Sample>;
  },
): Workload => it as Workload;
