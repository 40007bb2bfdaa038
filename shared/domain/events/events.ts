import type { Item } from "../../stores/document-store.ts";
import { invalid } from "../errors.ts";
import { tokenHash } from "../hash.ts";
import type { Workspace } from "../workspace.ts";

/** Who did what to which resource, from where, allowed or refused. */
export interface Event {
  readonly id: string;
  readonly timeMs: number;
  /** The operation's name in its table of routes. */
  readonly action: string;
  readonly outcome: "allowed" | "refused";
  readonly caller: { readonly kind: string; readonly id: string; readonly keyId?: string };
  /** The address that the request came from; absent where it is not known. */
  readonly from?: string;
  /** For whom that address says that it asks. */
  readonly forwardedFor?: string;
  /** Ids and names, by what they are. */
  readonly resources: Readonly<Record<string, string>>;
  /** Of a refusal: how many like it followed the one that was noted, within its minute. */
  readonly times?: number;
}

interface EventItem extends Item {
  readonly kind: "event";
  readonly event: Omit<Event, "id">;
}

interface EventQuery {
  /** Inclusive; default 30 days before `toMs`. */
  readonly fromMs?: number;
  /** Exclusive; default now, and everything of this millisecond. */
  readonly toMs?: number;
  readonly action?: string;
  readonly outcome?: Event["outcome"];
  /** A caller's id, or that of a key. */
  readonly caller?: string;
  /** Any id or name of a resource. */
  readonly resource?: string;
  readonly pageSize: number;
  readonly pageToken?: string;
}

type LogOf = Pick<Workspace, "id" | "stores" | "ids" | "clock">;

/** Where a page goes on. */
interface Position {
  readonly fromMs: number;
  readonly toMs: number;
  readonly day: number;
  /** The id of the last event handed out; empty at the beginning of a day. */
  readonly after: string;
}

const DAY_MS = 24 * 3_600_000;
/** More than that are not looked through for one page: it is handed out short, with a token to go on. */
const MAX_SCANNED = 5_000;
/** Nor are more handed out. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const MAX_DAYS = 100;
export const DEFAULT_DAYS = 30;
const MAX_RETENTION_DAYS = 3650;
const LAST_MS = 9_999_999_999_999;

/** Newest first, as the store lists in ascending order. */
const timePart = (timeMs: number): string => String(LAST_MS - timeMs).padStart(13, "0");
const partitionOf = (workspaceId: string, day: number): string =>
  `${workspaceId}/${new Date(day * DAY_MS).toISOString().slice(0, 10)}`;

/** Keeps an event for so many days. */
export async function appendEvent(log: LogOf, event: Omit<Event, "id">, retentionDays: number): Promise<void> {
  const id = `${timePart(event.timeMs)}-${log.ids.hex(6)}`;
  const ttl = retentionDays * 24 * 3600;
  const item: EventItem = { id, scope: `${log.id}/events`, ttl, kind: "event", event };
  await log.stores.documents.events.create(partitionOf(log.id, Math.floor(event.timeMs / DAY_MS)), item);
}

/**
 * Events, newest first. A page may be short, or empty, and still have a token.
 * @throws InvalidParameter for a token of another workspace or another query
 */
export async function listEvents(log: LogOf, query: EventQuery): Promise<{ events: Event[]; nextPageToken?: string }> {
  const start = query.pageToken ? readToken(log, query) : beginning(log, query);
  const { fromMs } = start;
  const lastDay = Math.max(Math.floor(fromMs / DAY_MS), start.day - MAX_DAYS);
  const events: Event[] = [];
  let scanned = 0;
  let bytes = 0;
  for (let { day, after } = start; day >= lastDay; day--, after = "") {
    for await (const event of eventsOfDay(log, { ...start, day, after })) {
      if (matches(event, query)) {
        events.push(event);
        bytes += Buffer.byteLength(JSON.stringify(event));
      }
      if (events.length >= query.pageSize || bytes >= MAX_PAGE_BYTES || ++scanned >= MAX_SCANNED) {
        return { events, nextPageToken: writeToken(log, query, { ...start, day, after: event.id }) };
      }
    }
  }
  const isAll = lastDay * DAY_MS <= fromMs;
  const next = { ...start, day: lastDay - 1, after: "" };
  return { events, ...(!isAll && { nextPageToken: writeToken(log, query, next) }) };
}

function beginning({ clock }: LogOf, query: EventQuery): Position {
  const nowMs = clock.now();
  // What was noted before the clock was set back is told too.
  const toMs = Math.min(query.toMs ?? Number.POSITIVE_INFINITY, nowMs + DAY_MS);
  const defaultFromMs = Math.min(toMs, nowMs) - DEFAULT_DAYS * DAY_MS;
  const fromMs = Math.max(query.fromMs ?? defaultFromMs, nowMs - MAX_RETENTION_DAYS * DAY_MS);
  return { fromMs, toMs, day: Math.floor((toMs - 1) / DAY_MS), after: "" };
}

async function* eventsOfDay(log: LogOf, { fromMs, toMs, day, after }: Position) {
  // Ids are of one length, so what begins with another one and goes on comes right behind it.
  const from = after ? `${after}-` : timePart(toMs - 1);
  const range = { from, to: timePart(fromMs - 1) };
  for await (const page of log.stores.documents.events.list<EventItem>(partitionOf(log.id, day), range)) {
    for (const { item } of page) yield { id: item.id, ...item.event };
  }
}

function matches(event: Event, { action, outcome, caller, resource }: EventQuery): boolean {
  if (action !== undefined && event.action !== action) return false;
  if (outcome !== undefined && event.outcome !== outcome) return false;
  if (caller !== undefined && event.caller.id !== caller && event.caller.keyId !== caller) return false;
  return resource === undefined || Object.values(event.resources).includes(resource);
}

function writeToken(log: LogOf, query: EventQuery, { fromMs, toMs, day, after }: Position): string {
  return Buffer.from(JSON.stringify([hashOf(log, query), fromMs, toMs, day, after])).toString("base64url");
}

function readToken(log: LogOf, query: EventQuery): Position {
  try {
    const [hash, fromMs, toMs, day, after] = JSON.parse(Buffer.from(query.pageToken!, "base64url").toString());
    const isPosition =
      Number.isInteger(day) && [fromMs, toMs, day * DAY_MS].every(isTime) && /^(?:\d{13}-[0-9a-f]{12})?$/.test(after);
    if (hash === hashOf(log, query) && isPosition) return { fromMs, toMs, day, after };
  } catch {
    // falls through to the refusal
  }
  throw invalid("pageToken: it was not issued for these events.");
}

const isTime = (ms: unknown): boolean => Number.isInteger(ms) && (ms as number) > 0 && (ms as number) < LAST_MS;

function hashOf({ id }: LogOf, { fromMs, toMs, action, outcome, caller, resource }: EventQuery): string {
  return tokenHash([id, fromMs, toMs, action, outcome, caller, resource]);
}
