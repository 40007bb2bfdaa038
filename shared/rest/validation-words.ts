import type * as z from "zod/mini";
import { cut } from "../domain/validation.ts";
import { expectation, UNITS } from "../expectation.ts";

type Issue = z.core.$ZodRawIssue;

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

function shown(input: unknown): string {
  if (typeof input === "string") return `"${cut(input)}"`;
  if (Array.isArray(input)) return "a list";
  return typeof input === "object" && input !== null ? "an object" : String(input);
}
