import type * as z from "zod/mini";

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
export const UNITS: Readonly<Record<string, string>> = { string: "characters", array: "entries" };

const FORMATS: Readonly<Record<string, string>> = {
  datetime: "a time of UTC like 2026-01-31T12:00:00Z",
  url: "a URL",
};

/** What would be right, without a word of what is there: for settings, which may be secrets. */
export function expectation(issue: z.core.$ZodRawIssue): string {
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

function choice(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`;
}

function sizeExpected(origin: string): string {
  return UNITS[origin] ? `${UNITS[origin]} are expected` : "is expected";
}
