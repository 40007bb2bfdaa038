import type { SyntaxWording } from "./comparisons.ts";
import { pythonRepr } from "./python-text.ts";

const common = {
  blank: (filter: string) => `Invalid filter '${filter}'. Could not be parsed.`,
  manyStatements: (filter: string) =>
    `Search filter contained multiple expression ${pythonRepr(filter)}. Provide AND-ed expression list.`,
};

/** For runs, which put each invalid clause in quotes. */
export const RUNS_WORDING: SyntaxWording = {
  ...common,
  invalidClauses: (_, clauses) =>
    `Invalid clause(s) in filter string: ${clauses.map((clause) => `'${clause}'`).join(", ")}`,
};

/** For experiments and the registry. */
export const PLAIN_WORDING: SyntaxWording = {
  ...common,
  invalidClauses: (_, clauses) => `Invalid clause(s) in filter string: ${clauses.join(", ")}`,
};

export const LOGGED_MODELS_WORDING: SyntaxWording = {
  blank: (filter) => `Invalid filter string: ${pythonRepr(filter)}. Expected a single SQL expression.`,
  manyStatements: (filter) => `Invalid filter string: ${pythonRepr(filter)}. Expected a single SQL expression.`,
  invalidClauses: (filter) =>
    `Invalid filter string: ${pythonRepr(filter)}. Expected a list of comparisons separated by 'AND' ` +
    "(e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').",
};
