import type { Timer } from "@azure/functions";

/** What the queue and timer functions saw, and how the next ones shall behave. */
export const work = {
  messages: [] as { body: unknown; metadata: Record<string, unknown> }[],
  running: 0,
  mostRunning: 0,
  timers: [] as Timer[],
  timersRunning: 0,
  timersOverlapped: false,
  handle: async (_body: unknown): Promise<void> => {},
  tick: async (): Promise<void> => {},
};
