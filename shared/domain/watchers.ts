import { inParallel } from "../parallel.ts";
import { watchPurges } from "./purge/background.ts";
import type { Tell } from "./purge/retention.ts";
import { sweepUploads } from "./uploads.ts";
import type { Realm } from "./workspaces.ts";

export interface WatchSettings {
  /** 0: soft-deleted things stay until somebody purges them. */
  readonly retentionDays: number;
  /** Takes a line about what people should know. */
  readonly tell: Tell;
}

/** Takes up what no message looks after: because it was lost, or because its time is up. */
export interface Watcher {
  readonly name: string;
  watch(realm: Realm, settings: WatchSettings): Promise<void>;
}

/** All that the watchdog does, four times an hour. */
export const WATCHERS: readonly Watcher[] = [
  { name: "purges", watch: (realm, { retentionDays, tell }) => watchPurges(realm, retentionDays, tell) },
  { name: "uploads", watch: sweepUploads },
];

/**
 * Runs them side by side, each to its end, whatever becomes of the others.
 * @throws AggregateError with what each of those that failed has failed of
 */
export async function watchAll(realm: Realm, settings: WatchSettings, watchers = WATCHERS): Promise<void> {
  const failed: { readonly name: string; readonly error: unknown }[] = [];
  await inParallel(watchers, async ({ name, watch }) => {
    try {
      await watch(realm, settings);
    } catch (error) {
      failed.push({ name, error });
    }
  });
  if (failed.length === 0) return;
  const names = failed.map(({ name }) => name).join(", ");
  throw new AggregateError(
    failed.map(({ error }) => error),
    `Not everything could be looked after: ${names}.`,
  );
}
