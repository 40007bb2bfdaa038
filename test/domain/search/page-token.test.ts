import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OrderKey } from "../../../shared/domain/search/order.ts";
import { decodePageToken, encodePageToken, InvalidPageToken } from "../../../shared/domain/search/page-token.ts";

const NUMBER: OrderKey = { kind: "number", column: "metric.m", descending: true };
const STRING: OrderKey = { kind: "string", column: "tag.t", descending: false };
const ORDER = [NUMBER, STRING];
const QUERY = { scope: ["ws", "1"], filter: "a = 'b'", order: ORDER };

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const hash = (): string =>
  JSON.parse(Buffer.from(encodePageToken({ values: [1, "x"], id: "r" }, QUERY), "base64url").toString())[0];

describe("page token", () => {
  it("carries any position through a URL", () => {
    const number = fc.oneof(fc.double({ noDefaultInfinity: true }), fc.constant(null));
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.constant(null));
    fc.assert(
      fc.property(number, text, fc.string({ minLength: 1 }), (value, string, id) => {
        const token = encodePageToken({ values: [value, string], id }, QUERY);
        expect(encodeURIComponent(token)).toBe(token);
        const expected = value === 0 ? 0 : value;
        expect(decodePageToken(token, QUERY, ORDER)).toEqual({ values: [expected, string], id });
      }),
    );
  });

  it.each([
    ["scope", { ...QUERY, scope: ["ws", "2"] }],
    ["filter", { ...QUERY, filter: "a = 'c'" }],
    ["order", { ...QUERY, order: [STRING, NUMBER] }],
  ])("is refused by a search with another %s", (_, other) => {
    const token = encodePageToken({ values: [1, "x"], id: "r" }, QUERY);
    expect(() => decodePageToken(token, other, ORDER)).toThrow(InvalidPageToken);
  });

  it.each([
    ["empty text", ""],
    ["no base64", "not a token!"],
    ["no JSON", Buffer.from("hello").toString("base64url")],
    ["MLflow's own token", Buffer.from('{"offset": 5}').toString("base64")],
    ["a number", encoded(5)],
    ["null", encoded(null)],
    ["an object with array members", encoded({ 0: "h", 1: [], 2: "r", length: 3 })],
    ["a prototype key", Buffer.from('{"__proto__":{"length":3}}').toString("base64url")],
    ["too few parts", encoded(["h", []])],
    ["more than a megabyte", "A".repeat(1024 * 1024 + 1)],
    ["deep nesting", encoded(JSON.parse("[".repeat(500) + "]".repeat(500)))],
  ])("is refused with a clear error: %s", (_, token) => {
    expect(() => decodePageToken(token, QUERY, ORDER)).toThrow(InvalidPageToken);
  });

  it.each([
    ["a string for a number", ["x", "x"]],
    ["a number for a string", [1, 1]],
    ["too few values", [1]],
    ["too many values", [1, "x", 2]],
    ["objects", [{}, []]],
    ["a boolean", [true, "x"]],
  ])("is refused although its hash is right: %s", (_, values) => {
    expect(() => decodePageToken(encoded([hash(), values, "r"]), QUERY, ORDER)).toThrow(InvalidPageToken);
  });

  it("is refused although its hash is right: an id that is no text", () => {
    expect(() => decodePageToken(encoded([hash(), [1, "x"], 5]), QUERY, ORDER)).toThrow(InvalidPageToken);
  });

  it("refuses any text that it did not issue with nothing but InvalidPageToken", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((json) => Buffer.from(json).toString("base64url")),
        ),
        (token) => {
          expect(() => decodePageToken(token, QUERY, ORDER)).toThrow(InvalidPageToken);
        },
      ),
    );
  });
});
