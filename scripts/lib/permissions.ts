import type { Permission } from "../../shared/domain/access/roles.ts";
import type { Rule } from "../../shared/http/callers.ts";
import { leavesEvent } from "../../shared/http/event-log.ts";
import type { Route } from "../../shared/http/serve.ts";
import { mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import { restRoutes } from "../../shared/rest/routes.ts";

const LEAST: Record<Permission, string> = {
  none: "everybody",
  any: "any caller",
  read: "reader",
  write: "contributor",
  manage: "owner",
  secrets: "owner",
  keys: "owner; others for themselves, with a token of Microsoft Entra ID",
  administer: "owner of `default`",
};

const INTRODUCTION = `# Who may do what

Made of the route tables by \`npm run permissions\`; do not edit. A test compares every operation, called by every kind of caller in its own and in a
foreign workspace, with these tables.

- **Roles** are held in each workspace: a *reader* sees everything in it, a *contributor* also creates, changes and soft-deletes, an *owner* also has members,
  keys and events, and removes things for good. The owners of the workspace \`default\`, and those whom the setting \`CAIRN_OWNERS\` names, are
  owners of every workspace, and make new ones.
- **API keys** do what their member can, or less; in their own workspace alone, except an owner's of \`default\`.
- **Tokens of Microsoft Entra ID** do what the member of their object id can, in every workspace that has this member.
- **Run tokens** read their workspace. What they may write to ("its own") is their run, the runs below it, and the logged models and artifacts of these; the
  files of what they register must lie there. A run that they make without a parent becomes a child of their own run, in whatever experiment it names; they make
  experiments, without an artifact location. Their run's end is theirs, also when somebody resumes the run: nothing can be begun, registered, renamed, resumed
  or renewed. Until the lease in hand is over they still read, log, upload and end runs below, as clients do that have something queued.
- Without credentials the answer is 401, without the role 403. A workspace that a caller has no part in answers 404, word for word like one that does not
  exist.
- "Event" marks what \`GET …/events\` tells of when it was done; refusals it tells of everywhere.
`;

/** The document of docs/permissions.md. */
export function permissionsDocument(): string {
  return [
    INTRODUCTION,
    "## MLflow\n",
    "Below `/api/` and `/ajax-api/`, for the workspace `default`; below `/w/{workspace}/` for others.\n",
    table(mlflowRoutes, ""),
    "## REST\n",
    table(restRoutes, "/api/v1/"),
    "## Changes without an event\n",
    ...[...mlflowRoutes, ...restRoutes]
      .filter(({ withoutEvent }) => withoutEvent !== undefined)
      .map(({ name, withoutEvent }) => `- \`${name}\`: ${withoutEvent}.`),
    "",
  ].join("\n");
}

function table(routes: readonly Route[], prefix: string): string {
  const rows = routes.map((route) => {
    const address = prefix + route.path.replace(/(?:\*\*)?:(\w+)/g, "{$1}");
    const cells = [`\`${route.name}\``, `${route.method} \`${address}\``, LEAST[route.permission], runToken(route)];
    return `| ${[...cells, leavesEvent(route) ? "yes" : ""].join(" | ")} |`;
  });
  return ["| operation | request | least role | run token | event |", "|---|---|---|---|---|", ...rows, ""].join("\n");
}

/** What a run token may do with an operation. */
export function runToken({ permission, writes }: Rule): "yes" | "its own" | "no" {
  if (permission === "none" || permission === "any" || permission === "read") return "yes";
  return writes ? "its own" : "no";
}
