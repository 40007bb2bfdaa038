import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactInt64 } from "../../../shared/domain/int64.ts";
import { pointsItem } from "../../../shared/domain/metrics/append.ts";
import {
  compareLatest,
  fromTuple,
  joinColumns,
  joinLatest,
  joinPoint,
  type LatestMetrics,
  toTuple,
} from "../../../shared/domain/metrics/latest.ts";
import { type Origin, type Point, packPoints, pointAt, unpackPoints } from "../../../shared/domain/metrics/points.ts";
import { storableNumber } from "../../../shared/domain/storable-number.ts";

const key = fc.oneof(
  fc.constantFrom("loss", "__proto__", "constructor", "träin/ñ", "损失", "𝓁oss", "a b"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 250 }).filter((text) => text.isWellFormed()),
);
const value = fc.oneof(
  fc.constantFrom(0, -0, Number.NaN, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, 0.1),
  fc.double({ noDefaultInfinity: true }),
);
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(exactInt64);
const step = fc.oneof(
  { arbitrary: int64, weight: 1 },
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(2 ** 53 - 1, 1 - 2 ** 53, 2 ** 50, -(2 ** 50)),
);
const timestamp = fc.oneof(
  { arbitrary: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(exactInt64), weight: 1 },
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 2 ** 53 - 1, 1_767_225_600_000),
);
const origin: fc.Arbitrary<Origin> = fc.record(
  {
    modelId: fc.constantFrom("m-1", "m-2"),
    datasetName: fc.constantFrom("iris", "数据"),
    datasetDigest: fc.constantFrom("1", ""),
    runId: fc.constantFrom("r"),
  },
  { requiredKeys: ["modelId"], noNullPrototype: true },
);
const point: fc.Arbitrary<Point> = fc
  .tuple(key, value, timestamp, step, fc.option(origin, { nil: undefined, freq: 3 }))
  .map(([name, number, time, at, from]) => ({
    key: name,
    value: number,
    timestamp: time,
    step: at,
    ...(from && { origin: from }),
  }));

/** Few values, so that ties are frequent. */
const tying: fc.Arbitrary<Point> = fc
  .tuple(
    fc.constantFrom("a", "b"),
    fc.constantFrom(0, -0, 1, -1, Number.NaN, Number.MAX_VALUE, -Number.MAX_VALUE),
    fc.constantFrom(0, 1),
    fc.constantFrom(-1, 0, 1),
    fc.option(origin, { nil: undefined }),
  )
  .map(([name, number, time, at, from]) => ({
    key: name,
    value: number,
    timestamp: time,
    step: at,
    ...(from && { origin: from }),
  }));

const unpacked = (points: readonly Point[]): Point[] => {
  const columns = unpackPoints(JSON.parse(JSON.stringify(packPoints(points))));
  return Array.from({ length: columns.count }, (_, i) => pointAt(columns, i));
};

const joined = (points: Iterable<Point>): LatestMetrics => {
  const latest: LatestMetrics = new Map();
  for (const each of points) joinPoint(latest, each);
  return latest;
};

/** By key, with -0 as 0: which of two equal values was kept makes no difference. */
const plain = (latest: LatestMetrics) =>
  [...latest.values()].map((each) => ({ ...each, value: each.value + 0 })).sort((a, b) => (a.key < b.key ? -1 : 1));

describe("packed points", () => {
  it("unpack: gives back every point, in order, after a journey through JSON", () => {
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 60 }), (points) => {
        expect(unpacked(points)).toEqual(points);
      }),
      { numRuns: 300 },
    );
  });

  it("unpack: gives back 1,000 points of 1,000 names", () => {
    const points = fc
      .sample(point, { numRuns: 1000, seed: 7 })
      .map((each, i) => ({ ...each, key: `${i}/${each.key}` }));
    expect(unpacked(points)).toEqual(points);
  });

  it("pack: 1,000 points of ten names take less than 15 KB", () => {
    const points = Array.from({ length: 1000 }, (_, i) => ({
      key: `metric-${i % 10}`,
      value: Math.sqrt(i + 2),
      timestamp: 1_767_225_600_000 + i * 37,
      step: i,
    }));
    expect(JSON.stringify(packPoints(points)).length).toBeLessThan(15_000);
  });

  it("pack: keeps ±Infinity as the largest doubles", () => {
    const values = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const points = values.map((each) => ({ key: "a", value: each, timestamp: 1, step: 1 }));
    expect(unpacked(points).map((each) => each.value)).toEqual([Number.MAX_VALUE, -Number.MAX_VALUE]);
    expect(values.map(storableNumber)).toEqual([Number.MAX_VALUE, -Number.MAX_VALUE]);
  });

  it("points document: the same call gives the same id, any difference another, and ids sort as time does", () => {
    const points = [{ key: "a", value: 1, timestamp: 1, step: 1 }];
    const id = (time: number, of: readonly Point[]) => pointsItem(time, "scope", "run", of).id;
    expect(id(5, points)).toBe(id(5, [...points]));
    const others = [
      [{ ...points[0]!, value: 2 }],
      [{ ...points[0]!, key: "b" }],
      [{ ...points[0]!, origin: { modelId: "m-1" } }],
      [...points, ...points],
    ];
    expect(new Set([points, ...others].map((each) => id(5, each))).size).toBe(5);
    expect(id(999_999_999_999, points) < id(1_000_000_000_000, points)).toBe(true);
  });
});

describe("latest value", () => {
  it("order: is total: antisymmetric, transitive, and zero only for what cannot be told apart", () => {
    fc.assert(
      fc.property(tying, tying, tying, (a, b, c) => {
        const sign = Math.sign(compareLatest(a, b));
        expect(Math.sign(compareLatest(b, a))).toBe(sign === 0 ? 0 : -sign);
        if (compareLatest(a, b) <= 0 && compareLatest(b, c) <= 0) expect(compareLatest(a, c)).toBeLessThanOrEqual(0);
        if (sign === 0) expect({ ...a, value: a.value + 0, key: "" }).toEqual({ ...b, value: b.value + 0, key: "" });
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["a higher step wins whatever its time and value", [1, 5, 9], [2, 1, 0]],
    ["at one step the later timestamp wins", [1, 5, 9], [1, 6, 0]],
    ["at one step and time the greater value wins", [1, 5, 1], [1, 5, 2]],
    ["NaN stands above an equal 0", [1, 5, 0], [1, 5, Number.NaN]],
    ["NaN stands below 1, for it counts as 0", [1, 5, Number.NaN], [1, 5, 1]],
    ["NaN stands above -1, for it counts as 0", [1, 5, -1], [1, 5, Number.NaN]],
    ["a negative step loses against none", [-1, 5, 9], [0, 0, 0]],
  ])("order: %s", (_, lower, higher) => {
    const pointOf = ([at, time, number]: number[]): Point => ({
      key: "a",
      step: at!,
      timestamp: time!,
      value: number!,
    });
    expect(compareLatest(pointOf(lower), pointOf(higher))).toBeLessThan(0);
  });

  it("join: does not depend on order, repetition or grouping", () => {
    fc.assert(
      fc.property(
        fc.array(tying, { maxLength: 30 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        fc.nat(),
        (points, picks, cut) => {
          const expected = plain(joined(points));
          const doubled = points.length === 0 ? [] : [...picks.map((pick) => points[pick % points.length]!), ...points];
          expect(plain(joined(doubled.reverse()))).toEqual(expected);
          const [left, right] = [joined(points.slice(0, cut % 31)), joined(points.slice(cut % 31))];
          const both = joined(left.values());
          joinLatest(both, right.values());
          const reversed = joined(right.values());
          joinLatest(reversed, left.values());
          expect(plain(both)).toEqual(expected);
          expect(plain(reversed)).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("join: a packed batch gives what its points one by one give", () => {
    fc.assert(
      fc.property(fc.array(tying, { maxLength: 30 }), fc.array(tying, { maxLength: 10 }), (points, before) => {
        const latest = joined(before);
        joinColumns(latest, unpackPoints(packPoints(points)));
        expect(plain(latest)).toEqual(plain(joined([...before, ...points])));
      }),
      { numRuns: 500 },
    );
  });

  it("tuple: gives back the point, also after a journey through JSON", () => {
    fc.assert(
      fc.property(point, (each) => {
        const back = fromTuple(each.key, JSON.parse(JSON.stringify(toTuple(each))));
        expect({ ...back, value: back.value + 0 }).toEqual({ ...each, value: each.value + 0 });
      }),
      { numRuns: 300 },
    );
  });
});
