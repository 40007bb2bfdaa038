import { beforeAll, expect, test } from "vitest";
import type { Served } from "./served.ts";
import type { Input } from "./support.ts";
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

/**
 * A test for each refusal: the request is refused as it must be, and all that can be seen of the workspace is as it was before. They
 * come before everything else that is done to it. On Azure's stores, where to look at everything takes long, that is done at the end.
 */
export function testRefusals({ client, world }: Served, { onAzure }: { onAzure: boolean }, refusals: Refusal[]): void {
  let before: unknown;
  const expectUnchanged = async () => expect(await stateOf(client, world)).toEqual(before);

  beforeAll(async () => {
    before = await stateOf(client, world);
  });

  test.each(refusals.map((refusal) => [`${refusal.call}: ${refusal.title}`, refusal] as const))(
    "%s is refused, and nothing of it written",
    async (_, refusal) => {
      const answer = await client.call(refusal.call, refusal.input?.(world), refusal.path?.(world));
      expect([answer.status, answer.json?.error_code], answer.text).toEqual([refusal.status, refusal.code]);
      expect(answer.json.message).toMatch(refusal.message);
      expect(Object.keys(answer.json).sort()).toEqual(["error_class", "error_code", "message", "sqlstate"]);
      if (!onAzure) await expectUnchanged();
    },
  );

  test("nothing of what was refused is written", expectUnchanged);
}
