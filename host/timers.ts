import type { Cron } from "croner";
import type { Clock } from "../shared/stores/clock.ts";
import type { TimerDefinition } from "./definitions.ts";
import { type Invoker, invokeThroughLibrary, type TriggerInput } from "./invocation.ts";
import { describeError } from "./log.ts";
import { createPause } from "./pause.ts";
import { beginTrace } from "./trace.ts";

interface TimerOptions {
  readonly invoker: Invoker;
  readonly clock: Clock;
}

export interface PreparedTimer {
  start(): Timer;
}

export interface Timer {
  /** Starts no more runs; settles when the running one has finished. */
  stop(): Promise<void>;
}

interface Occurrence {
  /** Milliseconds; undefined when it is a run at the start. */
  readonly dueMs: number | undefined;
  readonly lastMs: number | undefined;
}

/** So often is looked whether the time of day has been set forward, or the machine has slept. */
const LONGEST_WAIT_MS = 60_000;
/** Where the time of day is so little behind an occurrence, that one has been, and is not due again. */
const SAME_OCCURRENCE_MS = 60_000;

/**
 * Reads the NCRONTAB schedule of a function: six fields, or five without seconds; UTC.
 * @throws an Error naming the function for a schedule that cannot be read
 */
export async function prepareTimer(options: TimerOptions, definition: TimerDefinition): Promise<PreparedTimer> {
  const schedule = await parseSchedule(definition);
  return { start: () => startTimer(options, definition, schedule) };
}

/**
 * One run at a time: occurrences that pass while the function runs or the machine sleeps are not made up for, but the next run is told
 * that it is past due.
 */
function startTimer(options: TimerOptions, definition: TimerDefinition, schedule: Cron): Timer {
  const wait = createWait(options.clock);
  const run = (occurrence: Occurrence) => beginTrace(() => runTimer(options, definition, schedule, occurrence));
  const loop = async () => {
    let lastMs: number | undefined;
    if (definition.runOnStartup) {
      lastMs = options.clock.now();
      await run({ dueMs: undefined, lastMs: undefined });
    }
    for (let dueMs = nextRun(schedule, options.clock.now()); dueMs; ) {
      await wait.until(dueMs);
      if (wait.isCancelled()) return;
      await run({ dueMs, lastMs });
      lastMs = dueMs;
      const nowMs = options.clock.now();
      dueMs = nextRun(schedule, dueMs - nowMs < SAME_OCCURRENCE_MS ? Math.max(dueMs, nowMs) : nowMs);
    }
  };
  const looping = loop();
  return {
    stop: () => {
      wait.cancel();
      return looping;
    },
  };
}

function createWait(clock: Clock): { until(dueMs: number): Promise<void>; cancel(): void; isCancelled(): boolean } {
  const pause = createPause();
  let isCancelled = false;
  return {
    until: async (dueMs) => {
      const endMs = clock.elapsed() + dueMs - clock.now();
      // Whoever sets the time of day back makes nobody wait for longer.
      const left = () => Math.min(dueMs - clock.now(), endMs - clock.elapsed());
      while (left() > 0 && !isCancelled) await pause.sleep(Math.min(left(), LONGEST_WAIT_MS));
    },
    cancel: () => {
      isCancelled = true;
      pause.wake();
    },
    isCancelled: () => isCancelled,
  };
}

/** What a timer function gets. */
export async function timerInput(definition: TimerDefinition, nowMs: number): Promise<TriggerInput> {
  return inputOf(await parseSchedule(definition), nowMs, { dueMs: undefined, lastMs: undefined });
}

async function parseSchedule({ name, schedule }: TimerDefinition): Promise<Cron> {
  const { Cron } = await import("croner");
  try {
    return new Cron(schedule, { timezone: "UTC", mode: "5-or-6-parts", domAndDow: true });
  } catch (error) {
    throw new Error(
      `Function "${name}": the schedule "${schedule}" is no NCRONTAB expression of six fields, like "0 */15 * * * *".`,
      { cause: error },
    );
  }
}

function nextRun(schedule: Cron, afterMs: number): number | undefined {
  return schedule.nextRun(new Date(afterMs))?.getTime();
}

async function runTimer(
  { invoker, clock }: TimerOptions,
  definition: TimerDefinition,
  schedule: Cron,
  occurrence: Occurrence,
): Promise<void> {
  try {
    await invokeThroughLibrary(invoker, definition, inputOf(schedule, clock.now(), occurrence));
  } catch (error) {
    invoker.log({ level: "error", functionName: definition.name, message: describeError(error) });
  }
}

/** Past due: another occurrence has passed since the one that this run is for. */
function inputOf(schedule: Cron, nowMs: number, { dueMs, lastMs }: Occurrence): TriggerInput {
  const following = dueMs === undefined ? undefined : nextRun(schedule, dueMs);
  const time = (milliseconds: number | undefined) => new Date(milliseconds ?? 0).toISOString();
  const info = {
    Schedule: { AdjustForDST: true },
    ScheduleStatus: { Last: time(lastMs), Next: time(nextRun(schedule, nowMs)), LastUpdated: time(lastMs) },
    IsPastDue: following !== undefined && following <= nowMs,
  };
  return { data: { json: JSON.stringify(info) } };
}
