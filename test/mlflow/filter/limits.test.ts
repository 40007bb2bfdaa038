import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExperimentFilter, parseExperimentOrder } from "../../../shared/mlflow/filter/experiments.ts";
import { FilterError } from "../../../shared/mlflow/filter/filter-error.ts";
import { tokenize } from "../../../shared/mlflow/filter/lexer.ts";
import { parseLoggedModelFilter, parseLoggedModelOrder } from "../../../shared/mlflow/filter/logged-models.ts";
import { parseModelVersionFilter, parseModelVersionOrder } from "../../../shared/mlflow/filter/model-versions.ts";
import {
  parseRegisteredModelFilter,
  parseRegisteredModelOrder,
} from "../../../shared/mlflow/filter/registered-models.ts";
import { parseRunFilter, parseRunOrder } from "../../../shared/mlflow/filter/runs.ts";

const FILTERS = [
  parseRunFilter,
  parseExperimentFilter,
  parseRegisteredModelFilter,
  parseModelVersionFilter,
  parseLoggedModelFilter,
];
const ORDERS = [parseRunOrder, parseExperimentOrder, parseRegisteredModelOrder, parseModelVersionOrder];

const fragment = fc.constantFrom(
  ..."metrics params.a tags.`a b` attributes . = != > LIKE IN NOT IS NULL AND OR ( ) ' \" ` \\ , ; -- /* */ # 1 -2.5 1e3 'x' \"y\"".split(
    " ",
  ),
  "run_id",
  "name",
  " ",
  "\n",
  "é",
  "😀",
  "\ud800",
);
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fragment, { maxLength: 14 }).map((parts) => parts.join("")),
  fc.array(fragment, { maxLength: 14 }).map((parts) => parts.join(" ")),
);

/** What a parser throws besides FilterError escapes from here. */
function isRefused(parse: () => unknown): boolean {
  try {
    parse();
    return false;
  } catch (error) {
    if (error instanceof FilterError) return true;
    throw error;
  }
}

describe("any text", () => {
  it("becomes tokens that cover all but the spaces", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const covered = tokenize(text);
        let end = 0;
        for (const token of covered) {
          expect(text.slice(end, token.start).trim()).toBe("");
          expect(text.startsWith(token.text, token.start)).toBe(true);
          end = token.start + token.text.length;
        }
        expect(text.slice(end).trim()).toBe("");
      }),
      { numRuns: 1500 },
    );
  });

  it("is parsed or refused with FilterError by every grammar, as filter and as order", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const parse of FILTERS) isRefused(() => parse(text));
        for (const parse of ORDERS) isRefused(() => parse([text]));
        isRefused(() => parseLoggedModelOrder([{ field_name: text }]));
      }),
      { numRuns: 1500 },
    );
  });

  it("finds any key in backticks and any value in quotes that does not contain them", () => {
    const key = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("`"));
    const value = fc.string({ unit: "grapheme" }).filter((text) => !/['\\]/.test(text));
    fc.assert(
      fc.property(key, value, (name, text) => {
        const [clause] = parseRunFilter(`params.\`${name}\` = '${text}'`);
        expect(clause).toEqual({ kind: "string", column: `param.${name}`, op: "=", value: text });
        expect(parseRunOrder([`tags.\`${name}\` DESC`])[0]).toEqual({
          kind: "string",
          column: `tag.${name}`,
          descending: true,
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe("bounds", () => {
  it("refuses a filter of more than 64 KB", () => {
    const filter = `params.a = '${"x".repeat(64 * 1024)}'`;
    for (const parse of FILTERS) expect(() => parse(filter)).toThrow(FilterError);
  });

  it("refuses more than 200 clauses", () => {
    const clauses = (count: number): string => Array.from({ length: count }, () => "params.a = 'x'").join(" AND ");
    expect(parseRunFilter(clauses(200))).toHaveLength(200);
    expect(() => parseRunFilter(clauses(201))).toThrow("at most 200 clauses");
  });

  it("refuses lists of more than 10,000 items", () => {
    const list = (count: number): string => `run_id IN (${Array.from({ length: count }, () => "'a'").join(",")})`;
    expect(parseRunFilter(list(10_000))).toHaveLength(1);
    expect(() => parseRunFilter(list(10_001))).toThrow("at most 10000 values");
  });

  it("refuses more than 100 order clauses", () => {
    const orders = (count: number): string[] => Array.from({ length: count }, (_, index) => `metrics.m${index}`);
    expect(parseRunOrder(orders(100))).toHaveLength(101);
    expect(() => parseRunOrder(orders(101))).toThrow("at most 100 clauses");
    expect(() => parseLoggedModelOrder(orders(101).map((field_name) => ({ field_name })))).toThrow(FilterError);
  });

  it("answers on texts made to run a lexer or a list forever", () => {
    const hostile = [
      "'".repeat(65_000),
      "`".repeat(65_000),
      "\\'".repeat(32_000),
      "(".repeat(65_000),
      "a-".repeat(32_000),
    ];
    hostile.push(
      "1".repeat(65_000),
      "a.".repeat(32_000),
      `run_id IN (${"'\\".repeat(30_000)})`,
      `run_id IN (${" ".repeat(60_000)}x)`,
    );
    hostile.push("/*".repeat(32_000), "- ".repeat(32_000), `run_id IN ('a'${" ".repeat(60_000)}'b')`);
    for (const filter of hostile) expect(isRefused(() => parseRunFilter(filter))).toBe(true);
  });
});
