import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SEGMENT_POINTS, segmentsToMerge } from "../../../shared/domain/metrics/merge.ts";
import type { SegmentReference } from "../../../shared/domain/metrics/segment.ts";

const someCounts = fc.array(fc.oneof(fc.integer({ min: 20, max: 60 }), fc.integer({ min: 20, max: SEGMENT_POINTS })), {
  minLength: 1,
  maxLength: 300,
});

/** The counts of segments after these were sealed one after the other, and how many points were written for it. */
function sealed(counts: readonly number[]): { segments: number[]; written: number } {
  let segments: SegmentReference[] = [];
  let written = 0;
  for (const own of counts) {
    const merged = segmentsToMerge(segments, own);
    const taken = segments.slice(segments.length - merged);
    const count = taken.reduce((sum, segment) => sum + segment.count, own);
    segments = [...segments.slice(0, segments.length - merged), { blob: "", count, headerBytes: 1 }];
    written += count;
  }
  return { segments: segments.map(({ count }) => count), written };
}

describe("segmentsToMerge", () => {
  it("keeps every point once, no segment too large, and any two neighbours either half as large or too large together", () => {
    fc.assert(
      fc.property(someCounts, (counts) => {
        const { segments } = sealed(counts);
        const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
        expect(sum(segments)).toBe(sum(counts));
        expect(Math.max(...segments)).toBeLessThanOrEqual(SEGMENT_POINTS);
        for (let i = 1; i < segments.length; i++) {
          const [older, newer] = [segments[i - 1]!, segments[i]!];
          expect(older >= 2 * newer || older + newer > SEGMENT_POINTS).toBe(true);
        }
      }),
    );
  });

  it("leaves twenty segments of a month in which a run was resumed every five minutes, and writes a point a dozen times", () => {
    const { segments, written } = sealed(Array.from({ length: 30 * 288 }, () => 20));
    expect(segments.length).toBeLessThanOrEqual(20);
    expect(written / (30 * 288 * 20)).toBeLessThan(14);
  });
});
