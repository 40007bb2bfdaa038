import type * as z from "zod/mini";
import { cut } from "../domain/validation.ts";

type Issue = z.core.$ZodRawIssue;

/** What a field takes, by what the library calls it. */
const EXPECTED: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
  null: "null",
};

/** What is counted where a size is wrong. */
const UNITS: Readonly<Record<string, string>> = { string: "characters", array: "entries" };

const FORMATS: Readonly<Record<string, string>> = {
  datetime: "a time of UTC like 2026-01-31T12:00:00Z",
  url: "a URL",
};

/** What would be right, without a word of what is there: for settings, which may be secrets. */
export function expectation(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `${EXPECTED[issue.expected] ?? issue.expected} is expected`;
    case "invalid_value":
      return `${choice(issue.values)} is expected`;
    case "invalid_format":
      return `${FORMATS[issue.format] ?? `what matches ${issue.pattern}`} is expected`;
    case "too_small":
      return `at least ${issue.minimum} ${sizeExpected(issue.origin)}`;
    case "too_big":
      return `at most ${issue.maximum} ${sizeExpected(issue.origin)}`;
    default:
      return issue.message ?? "the value is not valid";
  }
}

/**
 * What is wrong with a value, as a person would say it: what is expected, and what is there instead. A text is quoted only where it stands for
 * something else (a number, a choice, a name), as what may be any text may be a secret.
 */
export function faultInWords(issue: Issue): string {
  const { code, input } = issue;
  if (code === "unrecognized_keys") return `there is no ${issue.keys.map((key) => `'${cut(key)}'`).join(", ")}`;
  const expected = expectation(issue);
  if (input === undefined) return `missing; ${expected}`;
  const isSize = (code === "too_small" || code === "too_big") && UNITS[issue.origin] !== undefined;
  if (!isSize) return `${expected}, not ${shown(input)}`;
  const { length } = input as string | unknown[];
  return length === 0 ? "it must not be empty" : `${expected}, not ${length}`;
}

function choice(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`;
}

function sizeExpected(origin: string): string {
  return UNITS[origin] ? `${UNITS[origin]} are expected` : "is expected";
}

function shown(input: unknown): string {
  if (typeof input === "string") return `"${cut(input)}"`;
  if (Array.isArray(input)) return "a list";
  return typeof input === "object" && input !== null ? "an object" : String(input);
}
