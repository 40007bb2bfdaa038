import { randomBytes, randomInt } from "node:crypto";
import type { Clock, Ids } from "../stores/clock.ts";

export const machineClock: Clock = { now: () => Date.now(), elapsed: () => performance.now() };

export const machineIds: Ids = {
  hex: (bytes) => randomBytes(bytes).toString("hex"),
  integer: (below) => randomInt(below),
};
