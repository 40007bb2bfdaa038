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

/**
 * What is wrong with a value, as a person would say it: what is expected, and what is there instead. A text is quoted only where it stands for
 * something else (a number, a choice, a name), as what may be any text may be a secret.
 */
export function faultInWords(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return instead(EXPECTED[issue.expected] ?? issue.expected, issue.input);
    case "invalid_value":
      return instead(choice(issue.values), issue.input);
    case "invalid_format":
      return instead(FORMATS[issue.format] ?? `what matches ${issue.pattern}`, issue.input);
    case "too_small":
      return sizeInWords("at least", issue.origin, issue.minimum, issue.input);
    case "too_big":
      return sizeInWords("at most", issue.origin, issue.maximum, issue.input);
    case "unrecognized_keys":
      return `there is no ${issue.keys.map((key) => `'${cut(key)}'`).join(", ")}`;
    default:
      return issue.message ?? "the value is not valid";
  }
}

function choice(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`;
}

function instead(expected: string, input: unknown): string {
  if (input === undefined) return `missing; ${expected} is expected`;
  return Number.isNaN(input) ? `${expected} is expected` : `${expected} is expected, not ${shown(input)}`;
}

function sizeInWords(bound: string, origin: string, limit: number | bigint, input: unknown): string {
  const unit = UNITS[origin];
  if (!unit) return `${bound} ${limit} is expected, not ${shown(input)}`;
  const { length } = input as string | unknown[];
  return length === 0 ? "it must not be empty" : `${bound} ${limit} ${unit} are expected, not ${length}`;
}

function shown(input: unknown): string {
  if (typeof input === "string") return `"${cut(input)}"`;
  if (Array.isArray(input)) return "a list";
  return typeof input === "object" && input !== null ? "an object" : String(input);
}
