import { WorkspaceError } from "../domain/errors.ts";
import { appendEvent, type Event } from "../domain/events/events.ts";
import { cut } from "../domain/validation.ts";
import { DEFAULT_WORKSPACE, locateWorkspace, type Realm, workspaceOfId } from "../domain/workspaces.ts";
import { redact } from "../redact.ts";
import { ANONYMOUS, type Caller, NotAdmitted, nameOf, type Rule } from "./callers.ts";
import { Refusals } from "./refusals.ts";
import type { RouteShape } from "./routes.ts";
import type { AppRequest } from "./types.ts";

/** What is known of a request when it is over, for the event that it may leave. */
export interface Asked {
  readonly route: RouteShape & Rule;
  readonly caller: Caller;
  /**
   * Undefined for what is about no workspace, or about a workspace as a whole: the owners of `default` are told of it.
   */
  readonly workspaceId: string | undefined;
  /** Ids and names, by what they are; what is no text or empty is not told. */
  readonly resources: Readonly<Record<string, unknown>>;
}

/** The action of an event that counts refusals which were too many to have events of their own. */
export const BEYOND_LIMIT = "refusals_beyond_limit";

/** Whether an operation leaves an event when it has done its work: it changed something, or showed a secret. */
export function leavesEvent({ method, permission, withoutEvent }: EventRule & RouteShape & Rule): boolean {
  if (permission === "secrets") return true;
  if (method === "GET" || permission === "read" || permission === "none") return false;
  return withoutEvent === undefined;
}

/** What an operation says of its event. */
export interface EventRule {
  /** Why it leaves none, though it changes something. */
  readonly withoutEvent?: string;
  /** Ids of what came into being. */
  // biome-ignore lint/suspicious/noExplicitAny: each operation has a result of its own.
  made?(result: any): Readonly<Record<string, string>>;
}

type NewEvent = Omit<Event, "id">;

/** An event and where it belongs; undefined: to `default`. */
interface Note {
  readonly workspaceId: string | undefined;
  readonly event: NewEvent;
  readonly logError: (error: unknown) => void;
}

/**
 * Writes events: who changed what, and who was refused what. A refusal that comes again and again makes two events a
 * minute, one of the first and one that says how many followed, and all refusals together make a limited number of
 * events: nobody fills the store by being refused. When the process ends, the counts of its last minute are lost.
 */
export class EventLog {
  private readonly realm: Realm;
  private readonly retentionDays: number;
  private readonly refusals: Refusals<Note>;
  private readonly underWay = new Set<Promise<void>>();
  private alarm: NodeJS.Timeout | undefined;

  constructor(realm: Realm, retentionDays: number) {
    this.realm = realm;
    this.retentionDays = retentionDays;
    this.refusals = new Refusals(realm.clock);
  }

  /** Writes the event of an operation that leaves one: when its work is done, and before it is answered. */
  noteDone(asked: Asked, request: AppRequest): Promise<void> {
    return this.append(asked.workspaceId, this.eventOf(asked, request, "allowed"));
  }

  /**
   * Of all that goes wrong, what a caller was not let in for (`isNoted`). It is written when the answer is on its way:
   * how long a refusal takes must not tell whether there is something to tell its owners of.
   */
  noteRefused(asked: Asked, request: AppRequest, error: unknown, logError: (error: unknown) => void): void {
    const workspaceId = error instanceof NotAdmitted ? error.workspaceId : asked.workspaceId;
    const caller = callerOf(asked.caller);
    const refused = {
      alike: JSON.stringify([workspaceId, caller, addressesOf(request).from, asked.route.name]),
      caller: budgetOf(asked.caller),
      workspaceId: workspaceId ?? "",
    };
    this.noteEnded();
    const note = this.refusals.count(refused, (told) => {
      if (told === "more of all") return { workspaceId: undefined, event: this.beyondLimit(ANONYMOUS), logError };
      const event = told === "more" ? this.beyondLimit(caller) : this.eventOf(asked, request, "refused");
      return { workspaceId, event, logError };
    });
    if (note) this.write([note]);
    this.alarm ??= this.setAlarm();
  }

  /** Settles when all events and counts that were due so far are written. */
  async settled(): Promise<void> {
    this.noteEnded();
    await Promise.all(this.underWay);
  }

  /** Writes how often refusals came again whose minute is over. */
  private noteEnded(): void {
    const timeMs = this.realm.clock.now();
    const ended = this.refusals.takeEnded();
    if (ended.length > 0) {
      this.write(ended.map(({ note, times }) => ({ ...note, event: { ...note.event, timeMs, times } })));
    }
  }

  /** Has counts written when their minute is over, also where no other refusal comes. */
  private setAlarm(): NodeJS.Timeout | undefined {
    const inMs = this.refusals.endsInMs();
    if (inMs === undefined) return undefined;
    const ring = () => {
      this.noteEnded();
      this.alarm = this.setAlarm();
    };
    return setTimeout(ring, inMs).unref();
  }

  private write(notes: readonly Note[]): void {
    const writeEach = async () => {
      for (const { workspaceId, event, logError } of notes) await this.append(workspaceId, event).catch(logError);
    };
    const written = new Promise((resolve) => setImmediate(resolve))
      .then(writeEach)
      .finally(() => this.underWay.delete(written));
    this.underWay.add(written);
  }

  private beyondLimit({ kind, id }: Event["caller"]): NewEvent {
    const timeMs = this.realm.clock.now();
    return { action: BEYOND_LIMIT, outcome: "refused", timeMs, caller: { kind, id }, resources: {} };
  }

  private eventOf({ route, caller, resources }: Asked, request: AppRequest, outcome: Event["outcome"]): NewEvent {
    return {
      action: route.name,
      outcome,
      caller: callerOf(caller),
      timeMs: this.realm.clock.now(),
      ...addressesOf(request),
      resources: toldOf(resources),
    };
  }

  private async append(workspaceId: string | undefined, event: NewEvent): Promise<void> {
    const id = workspaceId ?? (await locateWorkspace(this.realm, DEFAULT_WORKSPACE)).id;
    await appendEvent(workspaceOfId(this.realm, id), event, this.retentionDays);
  }
}

/** Whether somebody was not let in, which leaves an event. */
export function isNoted(error: unknown): boolean {
  if (error instanceof NotAdmitted) return true;
  return error instanceof WorkspaceError && (error.code === "Unauthenticated" || error.code === "PermissionDenied");
}

function callerOf(caller: Caller): Event["caller"] {
  const { kind, id } = caller;
  return { kind, id, ...(caller.kind === "key" && { keyId: caller.keyId }) };
}

/** Callers of one budget share a limit of events; undefined: all callers without valid credentials. */
function budgetOf(caller: Caller): string | undefined {
  return caller.kind === "anonymous" ? undefined : nameOf(caller);
}

function toldOf(resources: Asked["resources"]): Record<string, string> {
  const told: Record<string, string> = {};
  for (const [name, value] of Object.entries(resources)) {
    if (typeof value === "string" && value !== "") told[name] = redact(cut(value));
  }
  return told;
}

const MAX_ORIGIN_LENGTH = 200;

/**
 * Where a request comes from: whoever is connected, which behind a front end is the last that the front end has written
 * down.
 */
function addressesOf({ address, headers }: AppRequest): Pick<Event, "from" | "forwardedFor"> {
  const hops = redact(headers.get("x-forwarded-for") ?? "")
    .slice(-MAX_ORIGIN_LENGTH)
    .split(",");
  const written = hops.map((hop) => hop.trim()).filter((hop) => hop !== "");
  const from = address ?? written.pop()?.replace(/^([\d.]+):\d+$/, "$1");
  return { ...(from && { from }), ...(written.length > 0 && { forwardedFor: written.join(", ") }) };
}
