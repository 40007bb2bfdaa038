import type { Clause } from "../../domain/search/clauses.ts";

/** Prompts are registered models, and versions, with this tag set to "true". */
const PROMPT_COLUMN = "tag.mlflow.prompt.is_prompt";

/**
 * Leaves prompts out unless the filter asks for them: the first clause on the tag decides, and only "= 'true'" and "!= 'false'" ask.
 * Otherwise clauses on the tag count for nothing, since models lack it and a missing tag would satisfy no comparison.
 */
export function withoutPrompts(clauses: readonly Clause[]): Clause[] {
  const decisive = clauses.find(isOnPromptTag);
  if (decisive && asksForPrompts(decisive)) return [...clauses];
  const isPrompt: Clause = { kind: "string", column: PROMPT_COLUMN, op: "=", value: "true" };
  return [...clauses.filter((clause) => !isOnPromptTag(clause)), { kind: "not", clause: isPrompt }];
}

const isOnPromptTag = (clause: Clause): boolean => clause.kind === "string" && clause.column === PROMPT_COLUMN;

function asksForPrompts(clause: Clause): boolean {
  if (clause.kind !== "string" || !("value" in clause)) return false;
  const value = clause.value.toLowerCase();
  return (clause.op === "=" && value === "true") || (clause.op === "!=" && value === "false");
}
