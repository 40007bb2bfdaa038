import { requireWithinRun, type Writes } from "../domain/access/run-scope.ts";
import { requireGoingOn } from "../domain/access/run-tokens.ts";
import type { Workspace } from "../domain/workspace.ts";
import type { Rule, RunCaller } from "./callers.ts";
import { leavesEvent } from "./event-log.ts";
import type { RouteShape } from "./routes.ts";

/**
 * Holds a run token to what is its run's, and to the time of its run. What only logs may come a little later than the end: clients have it in
 * queues.
 * @throws PermissionDenied
 */
export async function requireOwn(
  workspace: Workspace,
  caller: RunCaller,
  route: RouteShape & Rule,
  writes: Writes,
): Promise<void> {
  await requireWithinRun(workspace, caller.id, writes);
  if (leavesEvent(route) && !writes.isEnd) await requireGoingOn(workspace, caller.token);
}
