import type { Clock } from "../../stores/clock.ts";
import type { Changes, Item } from "../../stores/document-store.ts";
import { InvalidArgument } from "../../stores/errors.ts";
import type { Queries } from "./queries.ts";
import { type FoundDocument, isExpired, toStored } from "./stored-document.ts";
import type { Wire } from "./wire.ts";

/**
 * How much earlier than its own start a round begins to read: clocks of the service's partitions, which stamp the
 * writes (`_ts`), differ, and stamps are whole seconds.
 */
const OVERLAP_SECONDS = 5;
/**
 * A call whose answers are longer than this (in characters) reads on to the end of the second that it is in, and no
 * further.
 */
const MAX_PAGE_LENGTH = 4 * 1024 * 1024;

/**
 * Documents are read in order of (`_ts`, `writeId`), which is another pair for each; within a batch the `writeId` goes
 * on counting.
 */
type Place = Pick<FoundDocument, "_ts" | "writeId">;

/**
 * How far somebody has read. A round reads up to the present, in one call or several, each of which goes on after
 * `last`. A write that is acknowledged while a round goes on may get a stamp that the round has passed already: the
 * next round sees it, since it begins to read some seconds before this one started.
 */
interface Mark {
  /** Second of `_ts` at which the next round starts. */
  readonly nextRound: number;
  /** Absent between two rounds. */
  readonly last?: Place;
}

export class ChangesReader {
  readonly #queries: Queries;
  readonly #wire: Wire;
  readonly #clock: Clock;

  constructor(queries: Queries, wire: Wire, clock: Clock) {
    this.#queries = queries;
    this.#wire = wire;
    this.#clock = clock;
  }

  /** @throws InvalidArgument for a mark of somebody else's making */
  async read<T extends Item>(scope: string, markText: string | undefined, limit: number): Promise<Changes<T>> {
    const mark = parseMark(markText);
    const startedMs = this.#clock.elapsed();
    const { documents, more } = await this.#documentsBehind(scope, mark, Math.max(1, limit));
    const nowMs = this.#clock.now();
    const nextRound = Math.max(mark.nextRound, this.#serviceSeconds(startedMs) - OVERLAP_SECONDS);
    return {
      items: documents.filter((it) => !isExpired(it, nowMs)).map((it) => toStored<T>(it)),
      ...progress(mark, nextRound, more, documents.at(-1)),
    };
  }

  /** The next documents in their order, at most `limit`. */
  async #documentsBehind(scope: string, { nextRound, last }: Mark, limit: number) {
    const isNew = (document: FoundDocument) => last === undefined || inOrder(last, document) < 0;
    let lastSecond = Number.POSITIVE_INFINITY;
    const found = await this.#queries.changes(scope, last?._ts ?? nextRound, limit, (documents, length) => {
      const fresh = documents.filter(isNew);
      const newest = documents.at(-1)!._ts;
      // Within a second the service gives them in no order, so a second is read whole before any of it is given out.
      if (fresh.length >= limit) lastSecond = Math.min(lastSecond, fresh[limit - 1]!._ts);
      else if (fresh.length > 0 && length > MAX_PAGE_LENGTH) lastSecond = Math.min(lastSecond, newest);
      return newest > lastSecond;
    });
    const fresh = found.documents.filter(isNew);
    const complete = fresh.filter(({ _ts }) => _ts <= lastSecond).sort(inOrder);
    const documents = complete.slice(0, limit);
    return { documents, more: found.more || documents.length < fresh.length };
  }

  /** The time of the service's clock when the call started, in seconds, or a little before. */
  #serviceSeconds(startedMs: number): number {
    return (this.#wire.serviceSeconds ?? 0) - Math.ceil((this.#clock.elapsed() - startedMs) / 1_000);
  }
}

/** Where to go on after a call, and whether to do so at once. */
function progress(mark: Mark, nextRound: number, more: boolean, last: Place | undefined) {
  const startsRound = mark.last === undefined;
  if (more) {
    return { mark: markText({ nextRound: startsRound ? nextRound : mark.nextRound, last: last ?? mark.last }), more };
  }
  if (startsRound) return { mark: markText({ nextRound }), more };
  // Where the round began long ago, writes since its start may be unread: another round is due at once.
  const isStale = nextRound - mark.nextRound > OVERLAP_SECONDS;
  return { mark: markText({ nextRound: mark.nextRound }), more: isStale };
}

function inOrder(a: Place, b: Place): number {
  if (a._ts !== b._ts || a.writeId === b.writeId) return a._ts - b._ts;
  return a.writeId < b.writeId ? -1 : 1;
}

function markText({ nextRound, last }: Mark): string {
  return JSON.stringify(last === undefined ? [nextRound] : [nextRound, last._ts, last.writeId]);
}

function parseMark(text: string | undefined): Mark {
  if (text === undefined) return { nextRound: 0 };
  const [nextRound, _ts, writeId, ...more] = markParts(text);
  if (isSecond(nextRound) && _ts === undefined) return { nextRound };
  const isPlace = isSecond(_ts) && typeof writeId === "string" && more.length === 0;
  if (isSecond(nextRound) && isPlace) return { nextRound, last: { _ts, writeId } };
  throw new InvalidArgument(`mark: ${JSON.stringify(text.slice(0, 80))} is none that changes() gave.`);
}

function markParts(text: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(text);
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}

function isSecond(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
