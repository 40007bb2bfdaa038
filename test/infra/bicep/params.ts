import { evaluator } from "./evaluation.ts";
import type { Fault, Files } from "./files.ts";
import { FIRST_MONTH } from "./functions.ts";
import { parseExpression } from "./syntax.ts";
import type { Value } from "./values.ts";

/** Reads a `.bicepparam` file, in which each assignment takes one line. */
export async function readParams(files: Files, file: string): Promise<{ params: Map<string, Value>; faults: Fault[] }> {
  const params = new Map<string, Value>();
  const faults: Fault[] = [];
  for (const [index, text] of (files.get(file) ?? "").split("\n").entries()) {
    const line = index + 1;
    const assignment = /^param (\w+) = (.+)$/.exec(text);
    if (assignment) {
      const [, name, expression] = assignment as unknown as [string, string, string];
      const value = evaluator(file, faults, FIRST_MONTH)(await parseExpression(expression), () => undefined);
      params.set(name, { ...value, at: { file, line } });
    } else if (!/^(\/\/.*|using '.\/main.bicep'|)$/.test(text)) {
      faults.push({ file, line, message: `not understood: ${text}` });
    }
  }
  return { params, faults };
}
