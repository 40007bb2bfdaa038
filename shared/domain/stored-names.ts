import type { IdRange } from "../stores/document-store.ts";
import type { BLOB_CONTAINERS } from "../stores/stores.ts";

/*
 * The schema of a store that has none: in which partition documents lie, how their ids begin, and where blobs lie. Nothing else in shared/ spells
 * one of these names. What a user chose gets into an id as its hash only.
 */

/** Ids that begin alike, so that one listing finds all of them. */
export interface IdsOf {
  /** With the hyphen: `secret-`. */
  readonly prefix: string;
  /** The id of what these parts name. */
  of(...parts: readonly string[]): string;
  /** All ids; those that go on with these parts and a hyphen. */
  all(...parts: readonly string[]): Required<IdRange>;
}

function idsOf(name: string): IdsOf {
  const prefix = `${name}-`;
  return {
    prefix,
    of: (...parts) => prefix + parts.join("-"),
    all: (...parts) => {
      const stem = [name, ...parts].join("-");
      // "." comes right behind "-".
      return { from: `${stem}-`, to: `${stem}.` };
    },
  };
}

/** A number as a part of an id, so that ids sort as numbers do. */
export function digits(number: number, length: number): string {
  return String(number).padStart(length, "0");
}

/** Milliseconds until the year 2286. */
export const TIME_DIGITS = 13;

/** Container `catalog`, partition: workspace id. */
export const CATALOG = {
  /** Id of the experiment. Their range has the names in it, too. */
  experiments: idsOf("experiment"),
  /** Hash of the name. */
  experimentNames: idsOf("experiment-name"),
  /** Hash of the name. */
  models: idsOf("model"),
  /** Key of the model, number. */
  versions: idsOf("version"),
  /** Hash of the name in lower case. */
  secrets: idsOf("secret"),
  /** Beginning of the key's hash. */
  keys: idsOf("key"),
  /** Beginning of the token's hash. */
  runTokens: idsOf("run-token"),
  /** What it is, its id. */
  purges: idsOf("purge"),
  /** Time, what it is, its id. */
  trash: idsOf("trash"),
} as const satisfies Record<string, IdsOf>;

/** The one document with all members. */
export const MEMBERS_ID = "members";

/** Container `catalog`, one partition for all workspaces. */
export const WORKSPACES_PARTITION = "workspaces";
export const WORKSPACES = {
  /** Its name. */
  names: idsOf("name"),
  /** Id of a workspace whose purge is under way. */
  gone: idsOf("gone"),
} as const satisfies Record<string, IdsOf>;

/** Container `runs`, partition: workspace id and run or logged model id. Container `events` has times as ids: events/events.ts. */
export const HEAD_ID = "head";
export const RECORD = {
  /** Section, bucket. */
  pages: idsOf("page"),
  /** Time, hash of the content. */
  points: idsOf("p"),
} as const satisfies Record<string, IdsOf>;

/** In each container, a workspace's blobs lie under its id. */
export const BLOBS = {
  /** Below: the path after `mlflow-artifacts:/`. */
  artifacts: (workspaceId, below = "") => `artifacts/${workspaceId}/${below}`,
  /** Below: the upload. */
  uploads: (workspaceId, below = "") => `uploads/${workspaceId}/${below}`,
  /** Below: run, hash. */
  values: (workspaceId, below = "") => `values/${workspaceId}/${below}`,
  /** Below: run or logged model, segment. */
  metrics: (workspaceId, below = "") => `metrics/${workspaceId}/${below}`,
  /** Below: experiment, table. */
  search: (workspaceId, below = "") => `search/${workspaceId}/${below}`,
} as const satisfies Record<(typeof BLOB_CONTAINERS)[number], (workspaceId: string, below?: string) => string>;

/** What uploads left, of all workspaces. */
export const ALL_UPLOADS = "uploads/";

/** How the names of a workspace's secrets in the SecretStore begin. */
export function secretStorePrefix(workspaceId: string): string {
  return `ws-${workspaceId}-`;
}
