import { expect } from "vitest";
import type { Client, Input } from "./support.ts";
import { stateOf, type World } from "./world.ts";

/** A request that must be refused, and how. */
export interface Refusal {
  readonly title: string;
  readonly call: string;
  readonly input?: (world: World) => Input;
  readonly path?: (world: World) => Record<string, string>;
  readonly status: number;
  readonly code: string;
  readonly message: RegExp | string;
}

export const INVALID = { status: 400, code: "INVALID_PARAMETER_VALUE" } as const;
export const NOT_FOUND = { status: 404, code: "RESOURCE_DOES_NOT_EXIST" } as const;
export const EXISTS = { status: 400, code: "RESOURCE_ALREADY_EXISTS" } as const;
export const BAD_STATE = { status: 400, code: "INVALID_STATE" } as const;

export const NO_RUN = "0".repeat(32);
export const NO_MODEL = `m-${"0".repeat(32)}`;

const known = new WeakMap<World, unknown>();

/**
 * Sends the request and checks the answer, and that everything is as it was before. What was seen after one refusal is what was there
 * before the next, so the refusals of a world come before everything else that is done to its workspace.
 */
export async function expectRefused(client: Client, world: World, refusal: Refusal): Promise<void> {
  const before = known.get(world) ?? (await stateOf(client, world));
  const answer = await client.call(refusal.call, refusal.input?.(world), refusal.path?.(world));
  expect([answer.status, answer.json?.error_code], answer.text).toEqual([refusal.status, refusal.code]);
  expect(answer.json.message).toMatch(refusal.message);
  expect(Object.keys(answer.json).sort()).toEqual(["error_code", "message"]);
  const after = await stateOf(client, world);
  known.set(world, after);
  expect(after).toEqual(before);
}
