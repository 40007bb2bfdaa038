import { exactInt64, type Int64 } from "../int64.ts";
import { storableNumber } from "../storable-number.ts";
import type { Int64Values } from "./int64-column.ts";

/** One logged metric value. */
export interface Point {
  readonly key: string;
  /** NaN is allowed; ±Infinity is stored as the largest doubles (see `storableNumber`). */
  readonly value: number;
  /** Milliseconds since epoch, or whatever the caller counts time in; from 0 on. */
  readonly timestamp: Int64;
  readonly step: Int64;
  readonly origin?: Origin;
}

/** What a value was measured with. */
export interface Origin {
  readonly modelId?: string;
  readonly datasetName?: string;
  readonly datasetDigest?: string;
  /** In the points of a logged model: the run that logged it. */
  readonly runId?: string;
}

/** Points as they are stored: names and origins once each, everything else in binary columns. */
export interface PackedPoints {
  readonly count: number;
  readonly keys: readonly string[];
  /** Where absent no point has an origin; index 0 stands for none. */
  readonly origins?: readonly Origin[];
  /** Base64 of `EncodedPoints.bytes`. */
  readonly data: string;
}

/** Points in binary columns; layout: see `encodePoints`. */
interface EncodedPoints {
  readonly count: number;
  readonly keys: readonly string[];
  readonly origins?: readonly Origin[];
  readonly bytes: Buffer;
}

/** Points laid out in columns, `keyIndex[i]` and `originIndex[i]` pointing into `keys` and `origins`. */
export interface PointColumns {
  readonly count: number;
  readonly keys: readonly string[];
  readonly origins: readonly Origin[];
  readonly keyIndex: Uint16Array;
  readonly originIndex?: Uint16Array;
  readonly timestamps: Int64Values;
  readonly steps: Int64Values;
  readonly values: Float64Array;
}

const NO_ORIGIN: Origin = {};
/** Deltas of whole numbers below this stay exact when they are doubled for the zigzag. */
const VARINT_SAFE = 2 ** 50;
const AS_VARINTS = 1;
const AS_INT64 = 4;

/**
 * Packs points into columns: one byte of format (bit 0: integers as varints, bit 1: with origins, bit 2: integers as int64), then `count` each
 * of key index (varint), origin index (varint, if any), timestamp, step (zigzag varints of the differences, or float64 where differences
 * exceed 2^50, or int64 where one exceeds 2^53), value (float64). All little-endian. 1,000 points take some 10 KB.
 */
export function encodePoints(points: readonly Point[]): EncodedPoints {
  const count = points.length;
  const keys = new Dictionary<string>((key) => key);
  const origins = new Dictionary<Origin>(originKey);
  const keyIndex = points.map((point) => keys.index(point.key));
  const hasOrigins = points.some((point) => point.origin !== undefined);
  if (hasOrigins) origins.index(NO_ORIGIN);
  const integers = integerFormat(points);
  const writer = new Writer(1 + count * 32);
  writer.byte(integers | (hasOrigins ? 2 : 0));
  for (const index of keyIndex) writer.varint(index);
  if (hasOrigins) for (const point of points) writer.varint(origins.index(point.origin ?? NO_ORIGIN));
  writer.integers(points, integers, (point) => point.timestamp);
  writer.integers(points, integers, (point) => point.step);
  for (const point of points) writer.double(storableNumber(point.value));
  return { count, keys: keys.values, ...(hasOrigins && { origins: origins.values }), bytes: writer.bytes() };
}

/** The reverse of `encodePoints`. */
export function decodePoints({ count, keys, origins = [], bytes }: EncodedPoints): PointColumns {
  const reader = new Reader(bytes);
  const format = reader.byte();
  const keyIndex = reader.indexes(count);
  const originIndex = format & 2 ? reader.indexes(count) : undefined;
  const timestamps = reader.integers(count, format);
  const steps = reader.integers(count, format);
  const values = reader.doubles(count);
  return { count, keys, origins, keyIndex, originIndex, timestamps, steps, values };
}

/** Points as a document holds them: `encodePoints` in base64. */
export function packPoints(points: readonly Point[]): PackedPoints {
  const { bytes, ...rest } = encodePoints(points);
  return { ...rest, data: bytes.toString("base64") };
}

/** The reverse of `packPoints`. */
export function unpackPoints({ data, ...rest }: PackedPoints): PointColumns {
  return decodePoints({ ...rest, bytes: Buffer.from(data, "base64") });
}

/** The `i`-th point of the columns. */
export function pointAt(columns: PointColumns, i: number): Point {
  const originAt = columns.originIndex?.[i] ?? 0;
  return {
    key: columns.keys[columns.keyIndex[i]!]!,
    value: columns.values[i]!,
    timestamp: exactInt64(columns.timestamps[i]!),
    step: exactInt64(columns.steps[i]!),
    ...(originAt > 0 && { origin: columns.origins[originAt] }),
  };
}

function integerFormat(points: readonly Point[]): number {
  if (points.every(({ timestamp, step }) => isSmall(timestamp) && isSmall(step))) return AS_VARINTS;
  return points.some(({ timestamp, step }) => typeof timestamp === "bigint" || typeof step === "bigint") ? AS_INT64 : 0;
}

function isSmall(value: Int64): value is number {
  return value < VARINT_SAFE && value > -VARINT_SAFE;
}

export function originKey(origin: Origin | undefined): string {
  return JSON.stringify([origin?.modelId, origin?.datasetName, origin?.datasetDigest, origin?.runId]);
}

class Dictionary<T> {
  readonly values: T[] = [];
  private readonly positions = new Map<string, number>();
  private readonly keyOf: (value: T) => string;

  constructor(keyOf: (value: T) => string) {
    this.keyOf = keyOf;
  }

  index(value: T): number {
    const key = this.keyOf(value);
    let position = this.positions.get(key);
    if (position === undefined) {
      position = this.values.push(value) - 1;
      this.positions.set(key, position);
    }
    return position;
  }
}

class Writer {
  private readonly buffer: Buffer;
  private at = 0;

  constructor(capacity: number) {
    this.buffer = Buffer.allocUnsafe(capacity + 16);
  }

  byte(value: number): void {
    this.buffer[this.at++] = value;
  }

  varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.buffer[this.at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.at++] = rest;
  }

  double(value: number): void {
    this.at = this.buffer.writeDoubleLE(value, this.at);
  }

  integers(points: readonly Point[], format: number, of: (point: Point) => Int64): void {
    if (format === AS_INT64) for (const point of points) this.int64(BigInt(of(point)));
    else if (format === AS_VARINTS) this.differences(points, of as (point: Point) => number);
    else for (const point of points) this.double(of(point) as number);
  }

  private differences(points: readonly Point[], of: (point: Point) => number): void {
    let previous = 0;
    for (const point of points) {
      const value = of(point);
      this.varint(zigzag(value - previous));
      previous = value;
    }
  }

  private int64(value: bigint): void {
    this.at = this.buffer.writeBigInt64LE(value, this.at);
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.at);
  }
}

class Reader {
  private readonly buffer: Buffer;
  private at = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  byte(): number {
    return this.buffer[this.at++]!;
  }

  varint(): number {
    let byte = this.buffer[this.at++]!;
    if (byte < 128) return byte;
    let value = byte & 127;
    let scale = 128;
    do {
      byte = this.buffer[this.at++]!;
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte >= 128);
    return value;
  }

  indexes(count: number): Uint16Array {
    const result = new Uint16Array(count);
    for (let i = 0; i < count; i++) result[i] = this.varint();
    return result;
  }

  integers(count: number, format: number): Int64Values {
    if (format & AS_INT64) return this.int64s(count);
    if (!(format & AS_VARINTS)) return this.doubles(count);
    const result = new Float64Array(count);
    let previous = 0;
    for (let i = 0; i < count; i++) {
      previous += unzigzag(this.varint());
      result[i] = previous;
    }
    return result;
  }

  private int64s(count: number): BigInt64Array {
    const result = new BigInt64Array(count);
    for (let i = 0; i < count; i++, this.at += 8) result[i] = this.buffer.readBigInt64LE(this.at);
    return result;
  }

  doubles(count: number): Float64Array {
    const result = new Float64Array(count);
    const view = new DataView(this.buffer.buffer, this.buffer.byteOffset + this.at, count * 8);
    for (let i = 0; i < count; i++) result[i] = view.getFloat64(i * 8, true);
    this.at += count * 8;
    return result;
  }
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
