import { describe, expect, test } from "vitest";
import { Refusals } from "../../shared/http/refusals.ts";
import { SECOND, SettableClock } from "../domain/support.ts";

const MINUTE = 60 * SECOND;

function counting() {
  const clock = new SettableClock();
  const refusals = new Refusals<string>(clock);
  /** What is written at once. */
  const count = (alike: string, caller: string | null = "ada", workspaceId = "w1") =>
    refusals.count({ alike, caller: caller ?? undefined, workspaceId }, (told) => {
      if (told === "more of all") return told;
      return told === "more" ? `more of ${caller} in ${workspaceId}` : alike;
    });
  return { clock, refusals, count };
}

const notedOf = (count: (alike: string) => string | undefined, times: number) =>
  Array.from({ length: times }, (_, i) => count(`${i}`)).filter((note) => note !== undefined).length;

describe("which refusals are written down", () => {
  test("the first at once; how often it came again when its minute is over, once", () => {
    const { clock, refusals, count } = counting();
    expect([count("a"), count("a"), count("a"), count("b")]).toEqual(["a", undefined, undefined, "b"]);
    clock.pass(MINUTE - 1);
    expect([refusals.takeEnded(), refusals.endsInMs()]).toEqual([[], 1]);
    clock.pass(1);
    expect(refusals.takeEnded()).toEqual([{ note: "a", times: 2 }]);
    expect([refusals.takeEnded(), refusals.endsInMs()]).toEqual([[], undefined]);
    expect(count("a")).toBe("a");
  });

  test("60 a minute of each caller who is known, 300 of all others together: neither uses up what the other has", () => {
    const { count } = counting();
    expect(notedOf((alike) => count(`? ${alike}`, null), 400)).toBe(300);
    expect(notedOf((alike) => count(`a ${alike}`, "ada"), 100)).toBe(60);
    expect(notedOf((alike) => count(`b ${alike}`, "bob"), 100)).toBe(60);
  });

  test("what exceeds that is counted for each caller and workspace, whatever it was", () => {
    const { clock, refusals, count } = counting();
    for (let i = 0; i < 100; i++) count(`a ${i}`, "ada", i % 4 === 0 ? "w2" : "w1");
    for (let i = 0; i < 301; i++) count(`? ${i}`, null);
    clock.pass(MINUTE);
    expect(refusals.takeEnded()).toEqual([
      { note: "more of ada in w2", times: 10 },
      { note: "more of ada in w1", times: 30 },
      { note: "more of null in w1", times: 1 },
    ]);
  });

  test("the next minute has its own room, and all are counted, whoever comes when", () => {
    const { clock, refusals, count } = counting();
    let told = 0;
    for (let i = 0; i < 5_000; i++) {
      clock.pass(SECOND / 10);
      if (count(`${i % 700}`, i % 3 === 0 ? null : `caller ${i % 5}`) !== undefined) told++;
      for (const { times } of refusals.takeEnded()) told += times;
    }
    clock.pass(MINUTE);
    for (const { times } of refusals.takeEnded()) told += times;
    expect(told).toBe(5_000);
  });

  test("any number of callers takes a limited room", () => {
    const { clock, refusals, count } = counting();
    for (let i = 0; i < 20_000; i++) count(`${i}`, `caller ${i}`);
    clock.pass(MINUTE);
    expect(refusals.takeEnded()).toEqual([{ note: "more of all", times: 10_000 }]);
  });
});
