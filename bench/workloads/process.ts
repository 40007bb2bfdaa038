import { setTimeout as delay } from "node:timers/promises";
import { type Sample, sampleOf } from "../lib/sampling.ts";
import { Server, type Subject } from "../subjects/server.ts";
import { workload } from "./workload.ts";

const only = ["cairn", "mlflow, 1 worker", "mlflow, default", "fasttrackml"];
const SETTLE_MS = 5_000;

async function startAnother(subject: Subject): Promise<Sample> {
  const server = await Server.start(subject);
  const sample = sampleOf(server.startMs, server.cpuMicroseconds());
  await server.stop();
  return sample;
}

async function idleMemory(subject: Subject): Promise<Sample> {
  const server = await Server.start(subject);
  await delay(SETTLE_MS);
  const growth = server.memoryMb();
  await server.stop();
  return { ...sampleOf(0), growth };
}

export const PROCESS = [
  workload({
    id: "W7",
    title: "from the start of the process to the first answer, on an empty folder",
    measure: "p50",
    rounds: 3,
    only,
    run: ({ subject }) => startAnother(subject),
  }),
  workload({
    id: "W8",
    title: "memory after five idle seconds",
    measure: "growth",
    rounds: 1,
    only,
    run: ({ subject }) => idleMemory(subject),
  }),
];
