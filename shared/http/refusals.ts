import type { Clock } from "../stores/clock.ts";

const BURST_MS = 60_000;
const MINUTE_MS = 60_000;
const MAX_BURSTS = 10_000;
/** Of one who is known, and of all together who are not: neither uses up what tells of the other. */
const NOTED_PER_MINUTE = { known: 60, unknown: 300 };

/** Who was refused, and what is alike about it. */
export interface Refused {
  readonly alike: string;
  /** Undefined: nobody knows. */
  readonly caller: string | undefined;
  /** Where what exceeds the limit is told of. */
  readonly workspaceId: string;
}

/** What an event is to tell of: one refusal, more of that caller that have no event of their own, or more of anybody. */
export type Told = "this" | "more" | "more of all";

/** Refusals of a minute that are alike. */
interface Burst<Note> {
  readonly sinceMs: number;
  readonly note: Note;
  /** Those that no event tells of yet. */
  times: number;
}

/**
 * Which refusals are written down: the first of each kind at once, how often it came again when its minute is over. What exceeds the limits is
 * counted for each caller and workspace, and told then too.
 */
export class Refusals<Note> {
  private readonly clock: Clock;
  /** In the order in which they began. */
  private readonly bursts = new Map<string, Burst<Note>>();
  private minute = { index: 0, noted: new Map<string | undefined, number>() };

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * Counts a refusal.
   * @param note what would be written
   * @returns what is to be written at once
   */
  count(refused: Refused, note: (told: Told) => Note): Note | undefined {
    const known = this.bursts.get(refused.alike);
    if (known) {
      known.times++;
      return undefined;
    }
    if (!this.hasRoom(refused)) {
      this.countExcess(refused, note);
      return undefined;
    }
    return this.begin(refused.alike, note("this")).note;
  }

  /** Those that are over and came again, with how often; they are forgotten. */
  takeEnded(): { note: Note; times: number }[] {
    const ended: Burst<Note>[] = [];
    for (const [key, burst] of this.bursts) {
      if (this.clock.elapsed() - burst.sinceMs < BURST_MS) break;
      this.bursts.delete(key);
      ended.push(burst);
    }
    return ended.filter(({ times }) => times > 0).map(({ note, times }) => ({ note, times }));
  }

  /** Milliseconds until something ends; undefined: nothing does. */
  endsInMs(): number | undefined {
    const [oldest] = this.bursts.values();
    return oldest && Math.max(0, oldest.sinceMs + BURST_MS - this.clock.elapsed());
  }

  private hasRoom({ caller }: Refused): boolean {
    const index = Math.floor(this.clock.elapsed() / MINUTE_MS);
    if (this.minute.index !== index) this.minute = { index, noted: new Map() };
    const noted = this.minute.noted.get(caller) ?? 0;
    const limit = caller === undefined ? NOTED_PER_MINUTE.unknown : NOTED_PER_MINUTE.known;
    if (noted >= limit || this.bursts.size >= MAX_BURSTS) return false;
    this.minute.noted.set(caller, noted + 1);
    return true;
  }

  private countExcess({ caller, workspaceId }: Refused, note: (told: Told) => Note): void {
    const told = this.bursts.size < MAX_BURSTS ? "more" : "more of all";
    const key = told === "more" ? JSON.stringify([told, workspaceId, caller]) : told;
    const burst = this.bursts.get(key) ?? this.begin(key, note(told));
    burst.times++;
  }

  private begin(key: string, note: Note): Burst<Note> {
    const burst = { sinceMs: this.clock.elapsed(), note, times: 0 };
    this.bursts.set(key, burst);
    return burst;
  }
}
