import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sample, sampleTogether } from "../../../shared/domain/metrics/downsample.ts";
import type { Point } from "../../../shared/domain/metrics/points.ts";

const at = (step: number, value: number): Point => ({ key: "k", value, timestamp: step, step });
const stepsOf = (points: readonly Point[]) => points.map(({ step }) => step);
const finite = (points: readonly Point[]) => points.map(({ value }) => value).filter((value) => !Number.isNaN(value));
const extremes = (points: readonly Point[]) => [Math.min(...finite(points)), Math.max(...finite(points))];

const values = fc.array(fc.oneof(fc.integer({ min: -100, max: 100 }), fc.constant(Number.NaN)), { maxLength: 200 });
const history = values.map((given) => given.map((value, i) => at(i * 3, value)));
const budget = fc.integer({ min: 1, max: 60 });

describe("sample", () => {
  it("uses its budget to the full and never passes it; order, ends and extremes are kept", () => {
    fc.assert(
      fc.property(history, budget, (points, wanted) => {
        const shown = sample(points, wanted);
        expect(shown).toHaveLength(Math.min(wanted, points.length));
        expect(points.filter((point) => shown.includes(point))).toEqual(shown);
        if (points.length === 0) return;
        expect(shown.at(-1)).toBe(points.at(-1));
        if (wanted > 1) expect(shown[0]).toBe(points[0]);
        if (wanted > 3) expect(extremes(shown)).toEqual(extremes(points));
      }),
    );
  });

  it("shows each spike of a long history", () => {
    const points = Array.from({ length: 10_000 }, (_, i) => at(i, i % 1000 === 500 ? 50 : Math.sin(i)));
    expect(sample(points, 100).filter(({ value }) => value === 50)).toHaveLength(10);
  });
});

describe("sampleTogether", () => {
  it("holds to the same rules for each run", () => {
    fc.assert(
      fc.property(fc.array(history, { minLength: 2, maxLength: 5 }), budget, (runs, wanted) => {
        sampleTogether(runs, wanted).forEach((shown, i) => {
          const points = runs[i]!;
          expect(shown).toHaveLength(Math.min(wanted, points.length));
          expect(points.filter((point) => shown.includes(point))).toEqual(shown);
          if (points.length === 0) return;
          expect(shown.at(-1)).toBe(points.at(-1));
          if (wanted > 1) expect(shown[0]).toBe(points[0]);
          if (wanted > 3) expect(extremes(shown)).toEqual(extremes(points));
        });
      }),
    );
  });

  it("shows runs that have logged the same steps at the same steps, each run's extremes among them", () => {
    const run = (spike: number) => Array.from({ length: 1000 }, (_, i) => at(i * 10, i === spike ? 99 : Math.cos(i)));
    const shown = sampleTogether([run(123), run(456), run(789)], 100);
    expect(shown.map((points) => points.length)).toEqual([100, 100, 100]);
    expect(stepsOf(shown[1]!)).toEqual(stepsOf(shown[0]!));
    expect(stepsOf(shown[2]!)).toEqual(stepsOf(shown[0]!));
    expect(stepsOf(shown[0]!)).toEqual(expect.arrayContaining([1230, 4560, 7890]));
  });

  it("shows a shorter run at the steps of the longer one, as far as it goes", () => {
    const run = (length: number) => Array.from({ length }, (_, i) => at(i, i));
    const [long, short] = sampleTogether([run(1000), run(500)], 100) as [Point[], Point[]];
    const common = stepsOf(long).filter((step) => Number(step) < 500);
    expect(stepsOf(short)).toEqual(expect.arrayContaining(common));
  });

  it("takes all that was logged at one step for a history", () => {
    const points = Array.from({ length: 500 }, (_, i) => ({ ...at(0, i), timestamp: i }));
    for (const shown of sampleTogether([points, points], 50)) {
      expect(shown).toHaveLength(50);
      expect(extremes(shown)).toEqual([0, 499]);
    }
  });
});
