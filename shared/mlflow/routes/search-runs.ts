import { type FoundRun, searchRuns } from "../../domain/runs/search.ts";
import type { Workspace } from "../../domain/workspace.ts";
import { runJson } from "../entities.ts";
import { parseRunFilter, parseRunOrder } from "../filter/runs.ts";
import { integer, list, optional, string, withDefault } from "../message.ts";
import { jsonPage, requireMaxResults, VIEW_TYPE } from "../paging.ts";
import { route } from "../route.ts";

/** A run as JSON text, as it was sent last, with the version that it shows. */
interface Body {
  readonly version: string;
  readonly json: string;
}

/** What keeping one takes besides its text. */
const BODY_BYTES = 200;

export const searchRunsRoute = route({
  name: "runs_search",
  method: "POST",
  path: "2.0/mlflow/runs/search",
  permission: "read",
  request: {
    experiment_ids: withDefault(list(string), []),
    filter: optional(string),
    run_view_type: withDefault(VIEW_TYPE, "ACTIVE_ONLY"),
    max_results: withDefault(integer, 1000),
    order_by: withDefault(list(string), []),
    page_token: optional(string),
  },
  handle: async ({ workspace, input }) => {
    const found = await searchRuns(workspace, input.experiment_ids, {
      clauses: parseRunFilter(input.filter ?? ""),
      orderBy: parseRunOrder(input.order_by),
      view: input.run_view_type,
      limit: requireMaxResults(input.max_results, 50_000),
      pageToken: input.page_token,
    });
    return jsonPage("runs", found.runs, found, (run) => bodyOf(workspace, run));
  },
});

/** Undefined when the run was purged meanwhile. */
function bodyOf(workspace: Workspace, run: FoundRun): string | Promise<string | undefined> {
  const key = `body/${workspace.id}/${run.runId}`;
  const known = workspace.memory.recallValue<Body>(key);
  return known?.version === run.version ? known.json : load(workspace, run, key);
}

async function load(workspace: Workspace, found: FoundRun, key: string): Promise<string | undefined> {
  const run = await found.load();
  if (!run) return undefined;
  const json = JSON.stringify(await runJson(workspace, run));
  workspace.memory.keep(key, { version: found.version, json } satisfies Body, json.length + BODY_BYTES);
  return json;
}
