import { expect, test } from "vitest";
import { KeyedLock } from "../../shared/domain/keyed-lock.ts";
import { refusal } from "./support.ts";

const DEADLINE_MS = 10_000;

test("run: who has waited as long as a call may take is refused, having done nothing, and nobody waits for two", async () => {
  let nowMs = 0;
  const lock = new KeyedLock(() => nowMs);
  let begun = 0;
  const first = Promise.withResolvers<never>();
  const failing = lock.run("run", () => {
    begun++;
    return first.promise;
  });
  const behind = Array.from({ length: 19 }, () => lock.run("run", async () => ++begun));
  const elsewhere = lock.run("another", async () => "done");
  expect(await elsewhere).toBe("done");
  nowMs = DEADLINE_MS;
  first.reject(new Error("The store does not answer."));
  await expect(failing).rejects.toThrow("does not answer");
  for (const refused of await Promise.allSettled(behind)) {
    expect(refused).toMatchObject({ status: "rejected", reason: refusal("Unavailable") });
  }
  expect(begun).toBe(1);
  expect(await lock.run("run", async () => "goes on")).toBe("goes on");
});

test("run: who waits for less goes on in turn", async () => {
  let nowMs = 0;
  const lock = new KeyedLock(() => nowMs);
  const order: number[] = [];
  const tasks = Array.from({ length: 5 }, (_, i) =>
    lock.run("run", async () => {
      nowMs += 1_000;
      order.push(i);
    }),
  );
  await Promise.all(tasks);
  expect(order).toEqual([0, 1, 2, 3, 4]);
});
