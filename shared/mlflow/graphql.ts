import {
  buildSchema,
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLFieldResolver,
  type GraphQLScalarType,
  Kind,
  parse,
  validate,
  visit,
} from "graphql";
import { WorkspaceError } from "../domain/errors.ts";
import { getExperiment } from "../domain/experiments.ts";
import { searchModelVersions } from "../domain/registry/registry-index.ts";
import { getRun, type Run } from "../domain/runs/runs.ts";
import { type FoundRun, searchRuns } from "../domain/runs/search.ts";
import { Steps } from "../domain/search/steps.ts";
import type { Workspace } from "../domain/workspace.ts";
import { brief } from "../http/refusal.ts";
import { turn } from "../turns.ts";
import { experimentJson, modelVersionJson, runJson } from "./entities.ts";
import { parseModelVersionFilter, parseModelVersionOrder } from "./filter/model-versions.ts";
import { parseRunFilter, parseRunOrder } from "./filter/runs.ts";
import { SCHEMA } from "./graphql-schema.ts";
import { firstMade, requireMaxResults } from "./paging.ts";
import { requireRun } from "./run-reference.ts";

interface GraphqlRequest {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
}

/** The page's own queries have some 120; each alias may cost the reading of a run. */
const MAX_TOKENS = 1000;
const MAX_ALIASES = 10;
/** Each message about a variable shows the whole of it. */
const MAX_COERCION_ERRORS = 1;
const MAX_VERSIONS = 1000;
const MAX_RUNS = 1000;

const schema = buildSchema(SCHEMA);
Object.assign(schema.getType("LongString") as GraphQLScalarType, {
  serialize: longText,
  parseValue: Number,
  parseLiteral: (node: { kind: string; value?: string }) => (node.kind === Kind.INT ? Number(node.value) : undefined),
});

/** Exact whole numbers are what `int64Json` made of them. */
function longText(value: unknown): string {
  return String((value as { rawJSON?: string }).rawJSON ?? value);
}

/**
 * Answers a query of MLflow's page: what was found, and messages for what was not.
 * @throws what is our fault
 */
export async function answerGraphql(workspace: Workspace, request: GraphqlRequest) {
  const { data = null, errors = [] } = await run(workspace, request);
  for (const { originalError } of errors) if (originalError && !isRefusal(originalError)) throw originalError;
  return { data, errors: errors.length > 0 ? errors.map(({ message }) => brief(message)) : null };
}

async function run(workspace: Workspace, request: GraphqlRequest): Promise<ExecutionResult> {
  try {
    const document = parse(request.query, { maxTokens: MAX_TOKENS });
    const errors = validate(schema, document, undefined, { maxErrors: 5 });
    const aliases = aliasesIn(document);
    if (aliases > MAX_ALIASES) return { errors: [new GraphQLError(`At most ${MAX_ALIASES} aliases are accepted.`)] };
    if (errors.length > 0) return { errors };
    const { variables: variableValues, operationName } = request;
    return await execute({
      schema,
      document,
      rootValue: rootOf(workspace, aliases),
      variableValues,
      operationName,
      fieldResolver: resolveField,
      options: { maxCoercionErrors: MAX_COERCION_ERRORS },
    });
  } catch (error) {
    if (error instanceof GraphQLError) return { errors: [error] };
    throw error;
  }
}

function aliasesIn(document: DocumentNode): number {
  let aliases = 0;
  visit(document, {
    Field: (field) => {
      if (field.alias) aliases++;
    },
  });
  return aliases;
}

function isRefusal(error: Error): boolean {
  return error instanceof WorkspaceError || error instanceof GraphQLError;
}

/** `runName` is the member `run_name` of what REST would answer. NaN has no form in GraphQL. */
const resolveField: GraphQLFieldResolver<unknown, unknown> = (source, args, context, info) => {
  const members = source as Record<string, unknown>;
  const member = members[info.fieldName] ?? members[snakeCase(info.fieldName)];
  if (typeof member === "function") return member(args, context, info);
  return member === "NaN" && info.fieldName === "value" ? null : member;
};

interface RunsInput {
  readonly experimentIds?: readonly string[];
  readonly filter?: string;
  readonly runViewType?: "ACTIVE_ONLY" | "DELETED_ONLY" | "ALL";
  readonly maxResults?: number;
  readonly orderBy?: readonly string[];
  readonly pageToken?: string;
}

function rootOf(workspace: Workspace, aliases: number) {
  // All that one query searches for, and answers with, together. Each alias may show the same once more.
  const steps = new Steps();
  const membersOf = async (run: Run) => {
    const members = await runMembers(workspace, run, steps);
    const length = JSON.stringify(members).length * (1 + aliases);
    steps.take(length);
    return { members, length };
  };
  return {
    mlflowGetExperiment: async ({ input }: { input: { experimentId?: string } }) => ({
      experiment: experimentJson(workspace, await getExperiment(workspace, input.experimentId ?? "")),
    }),
    mlflowGetRun: async ({ input }: { input: { runId?: string; runUuid?: string } }) => ({
      run: (await membersOf(await getRun(workspace, requireRun({ run_id: input.runId, run_uuid: input.runUuid }))))
        .members,
    }),
    mlflowSearchRuns: async ({ input }: { input: RunsInput }) => {
      const found = await searchRuns(workspace, input.experimentIds ?? [], {
        clauses: parseRunFilter(input.filter ?? ""),
        orderBy: parseRunOrder([...(input.orderBy ?? [])]),
        view: input.runViewType ?? "ACTIVE_ONLY",
        limit: requireMaxResults(input.maxResults ?? MAX_RUNS, MAX_RUNS),
        pageToken: input.pageToken,
      });
      const make = async ({ load }: FoundRun) => {
        const run = await load();
        return run && membersOf(run);
      };
      const { made, token } = await firstMade(found.runs, found, make, ({ length }) => length);
      return { runs: made.map(({ members }) => members), nextPageToken: token };
    },
  };
}

/** A run as REST shows it, with what else the page wants to know of it, if it asks. */
async function runMembers(workspace: Workspace, run: Run, steps: Steps) {
  const { runId, experimentId } = run.view.attributes;
  return {
    ...(await runJson(workspace, run)),
    experiment: async () => experimentJson(workspace, await getExperiment(workspace, experimentId)),
    modelVersions: async () => {
      const clauses = parseModelVersionFilter(`run_id = '${runId}'`);
      const request = { clauses, orderBy: parseModelVersionOrder([]), limit: MAX_VERSIONS };
      const found = await searchModelVersions(workspace, request, steps);
      await turn();
      return found.versions.map(modelVersionJson);
    },
  };
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
