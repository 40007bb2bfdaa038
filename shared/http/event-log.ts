import { LRUCache } from "lru-cache";
import { WorkspaceError } from "../domain/errors.ts";
import { appendEvent, type Event } from "../domain/events/events.ts";
import { cut } from "../domain/validation.ts";
import { DEFAULT_WORKSPACE, locateWorkspace, type Realm, workspaceOfId } from "../domain/workspaces.ts";
import { type Caller, NotAdmitted, type Rule } from "./callers.ts";
import { redact } from "./redact.ts";
import type { RouteShape } from "./routes.ts";
import type { AppRequest } from "./types.ts";

/** What is known of a request when it is over, for the event that it may leave; dispatchers fill it in as they go. */
export interface Asked {
  route?: RouteShape & Rule;
  caller?: Caller;
  /** Absent for what is about no workspace, or about a workspace as a whole: the owners of `default` are told of it. */
  workspaceId?: string;
  /** Everything that may name a resource. */
  named: Record<string, unknown>[];
}

const LOGGED = "what a run logs, many times a second; the run shows it";
const FILES = "files, one by one; their folder shows them";

/** Operations that change something and leave no event, each with the reason. */
export const WITHOUT_EVENT: Readonly<Record<string, string>> = {
  runs_log_metric: LOGGED,
  runs_log_parameter: LOGGED,
  runs_log_batch: LOGGED,
  runs_log_inputs: LOGGED,
  runs_outputs: LOGGED,
  runs_log_model: LOGGED,
  runs_set_tag: LOGGED,
  runs_delete_tag: LOGGED,
  logged_models_log_params: LOGGED,
  logged_models_set_tags: LOGGED,
  logged_models_delete_tag: LOGGED,
  artifacts_upload: FILES,
  artifacts_multipart_create: FILES,
  artifacts_multipart_complete: FILES,
  artifacts_multipart_abort: FILES,
};

/** What names resources in paths, queries, bodies and answers, and what events call it. */
const RESOURCES: Readonly<Record<string, string>> = {
  workspace: "workspace",
  experiment_id: "experimentId",
  experimentId: "experimentId",
  run_uuid: "runId",
  run_id: "runId",
  runId: "runId",
  model_id: "modelId",
  modelId: "modelId",
  name: "name",
  new_name: "newName",
  version: "version",
  alias: "alias",
  stage: "stage",
  status: "status",
  path: "path",
  member: "member",
  role: "role",
  keyId: "keyId",
  secret: "secret",
};

const SAME_REFUSAL_MS = 60_000;
const MAX_REFUSALS_PER_MINUTE = 300;

/** Whether an operation leaves an event when it has done its work: it changed something, or showed a secret. */
export function leavesEvent({ name, method, permission }: RouteShape & Rule): boolean {
  if (permission === "secrets") return true;
  if (method === "GET" || permission === "read" || permission === "none") return false;
  return !Object.hasOwn(WITHOUT_EVENT, name);
}

/**
 * Writes down who changed what, and who was refused what. Refusals that come again and again become one event a minute, with their number, and
 * all of them together a limited number: nobody fills the store by being refused.
 */
export class EventLog {
  private readonly realm: Realm;
  private readonly retentionDays: number;
  private readonly refusals = new LRUCache<string, { sinceMs: number; times: number }>({ max: 1_000 });
  private readonly underWay = new Set<Promise<void>>();
  private minute = { index: 0, refusals: 0 };

  constructor(realm: Realm, retentionDays: number) {
    this.realm = realm;
    this.retentionDays = retentionDays;
  }

  /** After the work, before the answer. Undefined: it leaves no event. */
  noteDone(asked: Asked, request: AppRequest): Promise<void> | undefined {
    if (!asked.route || !leavesEvent(asked.route)) return undefined;
    return this.append(asked, this.origin(request), "allowed");
  }

  /**
   * Of all that goes wrong, what a caller was not let in for. It is written when the answer is on its way: how long a refusal takes must not
   * tell whether there is something to tell its owners of.
   */
  noteRefused(asked: Asked, request: AppRequest, error: unknown, logError: (error: unknown) => void): void {
    if (!asked.route || !isRefusal(error)) return;
    const workspaceId = error instanceof NotAdmitted ? error.workspaceId : asked.workspaceId;
    const about = { ...asked, workspaceId };
    const times = this.timesToNote(about, request);
    if (times === 0) return;
    const origin = this.origin(request);
    const written = new Promise((resolve) => setImmediate(resolve))
      .then(() => this.append(about, origin, "refused", times))
      .catch(logError)
      .finally(() => this.underWay.delete(written));
    this.underWay.add(written);
  }

  /** Until everything noted so far is written. */
  async settled(): Promise<void> {
    await Promise.all(this.underWay);
  }

  private origin(request: AppRequest): Origin {
    return { timeMs: this.realm.clock.now(), ...addressesOf(request) };
  }

  private async append(asked: Asked, origin: Origin, outcome: Event["outcome"], times = 1): Promise<void> {
    const { route, caller, named } = asked;
    const workspaceId = asked.workspaceId ?? (await locateWorkspace(this.realm, DEFAULT_WORKSPACE)).id;
    const event = {
      action: route!.name,
      outcome,
      caller: callerOf(caller!),
      ...origin,
      resources: resourcesOf(named),
      ...(times > 1 && { times }),
    };
    await appendEvent(workspaceOfId(this.realm, workspaceId), event, this.retentionDays);
  }

  /** 0: the refusal is not noted by itself. */
  private timesToNote({ route, caller, workspaceId }: Asked, request: AppRequest): number {
    const nowMs = this.realm.clock.elapsed();
    const key = JSON.stringify([workspaceId, callerOf(caller!), addressesOf(request).from, route!.name]);
    const known = this.refusals.get(key);
    if (known && nowMs - known.sinceMs < SAME_REFUSAL_MS) {
      known.times++;
      return 0;
    }
    const index = Math.floor(nowMs / 60_000);
    if (this.minute.index !== index) this.minute = { index, refusals: 0 };
    if (++this.minute.refusals > MAX_REFUSALS_PER_MINUTE) return 0;
    this.refusals.set(key, { sinceMs: nowMs, times: 0 });
    return (known?.times ?? 0) + 1;
  }
}

function isRefusal(error: unknown): boolean {
  if (error instanceof NotAdmitted) return true;
  return error instanceof WorkspaceError && (error.code === "Unauthenticated" || error.code === "PermissionDenied");
}

function callerOf(caller: Caller): Event["caller"] {
  const { kind, id } = caller;
  return { kind, id, ...(caller.kind === "key" && { keyId: caller.keyId }) };
}

function resourcesOf(named: readonly Record<string, unknown>[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const values of named) {
    for (const [name, value] of Object.entries(values)) {
      const resource = Object.hasOwn(RESOURCES, name) ? RESOURCES[name]! : undefined;
      if (resource && typeof value === "string" && value !== "") found[resource] = redact(cut(value));
    }
  }
  return found;
}

/** When and from where. */
type Origin = Pick<Event, "timeMs" | "from" | "forwardedFor">;

const MAX_ORIGIN_LENGTH = 200;

/** Where a request comes from: whoever is connected, which behind a front end is the last that the front end has written down. */
function addressesOf({ address, headers }: AppRequest): Pick<Event, "from" | "forwardedFor"> {
  const hops = redact(headers.get("x-forwarded-for") ?? "")
    .slice(-MAX_ORIGIN_LENGTH)
    .split(",");
  const written = hops.map((hop) => hop.trim()).filter((hop) => hop !== "");
  const from = address ?? written.pop()?.replace(/^([\d.]+):\d+$/, "$1");
  return { ...(from && { from }), ...(written.length > 0 && { forwardedFor: written.join(", ") }) };
}
