import { Server, type Subject } from "../subjects/server.ts";
import type { Workload } from "../workloads/workload.ts";
import type { Sample } from "./sampling.ts";

/** The samples of one workload, by subject, one for each round. */
export interface Outcome {
  readonly workload: Workload;
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
}

/**
 * Measures each workload at each subject in turn, forwards and backwards, so that a slow moment of the machine falls on all of them.
 * All servers live as long as this does; those that are not being measured stand still.
 */
export async function* inRounds(workloads: readonly Workload[], subjects: readonly Subject[]): AsyncGenerator<Outcome> {
  const servers = new Map<string, Server>();
  try {
    for (const workload of workloads) {
      const able = subjects.filter(({ name }) => (workload.only?.includes(name) ?? true) && !workload.without?.[name]);
      yield { workload, samples: await measure(workload, able, servers) };
    }
  } finally {
    for (const server of servers.values()) await server.stop();
  }
}

async function measure(
  workload: Workload,
  subjects: readonly Subject[],
  servers: Map<string, Server>,
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(subjects.map(({ name }) => [name, []]));
  const prepared = new Map<string, unknown>();
  for (let round = 0; round < workload.rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const server = servers.get(subject.name) ?? (await Server.start(subject));
      servers.set(subject.name, server);
      server.resume();
      try {
        if (round === 0) prepared.set(subject.name, await workload.prepare?.(server));
        samples.get(subject.name)!.push(await workload.run(server, prepared.get(subject.name)));
      } catch (error) {
        throw new Error(`${workload.id} at ${subject.name}: ${(error as Error).message}`, { cause: error });
      }
      server.pause();
    }
  }
  return samples;
}
