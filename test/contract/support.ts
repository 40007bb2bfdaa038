import { expect, it } from "vitest";

/** Tests that a driver names unsupported, each with the reason. */
export type Unsupported<Need extends string> = Partial<Record<Need, string>>;

type TestFunction = (title: string, test: () => Promise<void>) => void;

/** `it` for tests that need something not every driver can give; without it they are skipped by name. */
export function itNeeding<Need extends string>(unsupported: Unsupported<Need>): (need: Need) => TestFunction {
  return (need) => (title, test) => {
    const reason = unsupported[need];
    if (reason === undefined) it(title, test);
    else it.skip(`${title} [unsupported: ${reason}]`, test);
  };
}

export type ErrorClass = new (...args: never[]) => Error;

export async function refuses(operation: Promise<unknown>, error: ErrorClass): Promise<void> {
  await expect(operation).rejects.toBeInstanceOf(error);
}

/** Runs `attempt` for 0 to `count` - 1 at once; returns who won, after checking that every other met `lost`. */
export async function race(
  count: number,
  attempt: (racer: number) => Promise<unknown>,
  lost: ErrorClass,
): Promise<number[]> {
  const results = await Promise.allSettled(Array.from({ length: count }, (_, racer) => attempt(racer)));
  for (const result of results) if (result.status === "rejected") expect(result.reason).toBeInstanceOf(lost);
  return results.flatMap((result, racer) => (result.status === "fulfilled" ? [racer] : []));
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of source) all.push(each);
  return all;
}

/** A name that no other test of the process uses. */
export function freshName(stem: string): string {
  names++;
  return `${stem}-${names}`;
}
let names = 0;

export const RACERS = 20;
export const ROUNDS = 20;
export const LONE_SURROGATE = "a\ud800b";
