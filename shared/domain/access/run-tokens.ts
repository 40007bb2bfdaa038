import type { Item, Stored } from "../../stores/document-store.ts";
import { invalidState, WorkspaceError } from "../errors.ts";
import { effectiveStage, findExperiment } from "../experiments.ts";
import { optimistically } from "../optimistic.ts";
import { getHead } from "../record.ts";
import { requireActiveRun } from "../runs/runs.ts";
import { ENDED, type RunAttributes } from "../runs/types.ts";
import { CATALOG } from "../stored-names.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { issueCredential, type ReadCredential, sameHash } from "./credentials.ts";

/**
 * What a script comes with while it runs. The token stays, its lease is renewed by whoever looks after the script; it ends with its lease, at
 * the latest with the longest time the run may take. The end of the run is the token's end, though the run be resumed: no lease is renewed, and
 * nothing begun or changed. What clients still send then (queued points and files, the end once more) is taken for as long as the lease in hand.
 */
interface Lease {
  readonly leaseUntilMs: number;
  /** No renewal goes beyond. */
  readonly endsMs: number;
}

/** The run that a token speaks for. */
export interface RunOfToken {
  readonly runId: string;
  readonly tokenId: string;
  /** How often the run had ended when the token was made. */
  readonly runEnds: number;
}

interface RunTokenItem extends Item, Lease {
  readonly kind: "run-token";
  readonly runId: string;
  /** Absent in tokens of before there was one. */
  readonly runEnds?: number;
  readonly hash: string;
}

type WorkspaceOfToken = Pick<Workspace, "id" | "stores" | "clock" | "ids" | "memory">;

/** Past the longest time that a run may take. */
const AFTERWARDS_MS = 15 * 60_000;
/** An item outlives its lease a little, for clocks that differ. */
const KEPT_AFTER_SECONDS = 300;

const documentId = (tokenId: string): string => CATALOG.runTokens.of(tokenId);
const recentKey = (workspaceId: string, tokenId: string): string => `${workspaceId}/${documentId(tokenId)}`;

/**
 * A token for a run that has not ended.
 * @throws NotFound; InvalidParameter for a deleted run, InvalidState for one that has ended
 */
export async function mintRunToken(
  workspace: Workspace,
  runId: string,
  leaseMs: number,
  longestMs: number,
): Promise<Lease & { secret: string }> {
  const runEnds = await endsOfUnended(workspace, runId);
  const { secret, hash, id } = issueCredential(workspace.ids, "run", workspace.id);
  const nowMs = workspace.clock.now();
  const endsMs = nowMs + longestMs + AFTERWARDS_MS;
  const lease = { leaseUntilMs: Math.min(nowMs + leaseMs, endsMs), endsMs };
  await workspace.stores.documents.catalog.create(
    workspace.id,
    toItem(workspace, { id, runId, runEnds, hash, ...lease }),
  );
  return { secret, ...lease };
}

/** @throws InvalidState when the run has ended, or the time it may take; Unauthenticated when the lease has */
export async function renewRunToken(
  workspace: Workspace,
  { runId, tokenId, runEnds }: RunOfToken,
  leaseMs: number,
): Promise<Lease> {
  if ((await endsOfUnended(workspace, runId)) !== runEnds) throw hasEnded(runId);
  const { catalog } = workspace.stores.documents;
  const renewed = await optimistically(`${workspace.id}/${documentId(tokenId)}`, async () => {
    const stored = await catalog.get<RunTokenItem>(workspace.id, documentId(tokenId));
    const nowMs = workspace.clock.now();
    if (!stored || nowMs >= stored.item.leaseUntilMs) {
      throw new WorkspaceError("Unauthenticated", "The lease has ended.");
    }
    const leaseUntilMs = Math.min(Math.max(nowMs + leaseMs, stored.item.leaseUntilMs), stored.item.endsMs);
    const { hash, endsMs } = stored.item;
    const item = toItem(workspace, { id: tokenId, runId, runEnds, hash, leaseUntilMs, endsMs });
    await catalog.replace(workspace.id, item, stored.etag);
    return { leaseUntilMs, endsMs };
  });
  workspace.memory.recent.forget(recentKey(workspace.id, tokenId));
  return renewed;
}

/** The run that a token speaks for; undefined when it is unknown, its lease has ended, or the run is deleted. Read at most every 30 s. */
export async function runOfToken(
  workspace: WorkspaceOfToken,
  { id, hash }: ReadCredential,
): Promise<RunOfToken | undefined> {
  const { memory, clock } = workspace;
  const key = recentKey(workspace.id, id);
  const read = () => memory.recent.get(clock, key, () => readForUse(workspace, id));
  let item = await read();
  if (item && clock.now() >= item.leaseUntilMs) {
    // Another instance may have renewed it.
    memory.recent.forget(key);
    item = await read();
  }
  if (!item || !sameHash(item.hash, hash) || clock.now() >= item.leaseUntilMs) return undefined;
  return { runId: item.runId, tokenId: id, runEnds: item.runEnds ?? 0 };
}

/**
 * Looks anew whether the run of a token goes on: before anything that is begun or changed with it.
 * @throws PermissionDenied
 */
export async function requireGoingOn(workspace: Workspace, { runId, runEnds }: RunOfToken): Promise<void> {
  const head = await getHead<RunAttributes>(workspace, runsPartition(workspace, runId));
  const attributes = head?.item.attributes;
  if (attributes?.kind === "run" && !ENDED.includes(attributes.status) && endsOf(attributes) === runEnds) return;
  throw new WorkspaceError(
    "PermissionDenied",
    `The run ${runId} has ended, and its token with it: what was logged may still come, but nothing begins or changes.`,
  );
}

const endsOf = ({ ends = 0 }: RunAttributes): number => ends;

async function readForUse(workspace: WorkspaceOfToken, tokenId: string): Promise<RunTokenItem | undefined> {
  const stored: Stored<RunTokenItem> | undefined = await workspace.stores.documents.catalog.get<RunTokenItem>(
    workspace.id,
    documentId(tokenId),
  );
  if (!stored) return undefined;
  const opened: Workspace = { name: "", ...workspace };
  const head = await getHead<RunAttributes>(opened, runsPartition(opened, stored.item.runId));
  if (head?.item.attributes.kind !== "run") return undefined;
  const experiment = await findExperiment(opened, head.item.attributes.experimentId);
  const isActive = experiment && effectiveStage(head.item.attributes, experiment) === "active";
  return isActive ? stored.item : undefined;
}

/** How often a run has ended that goes on. @throws NotFound, InvalidParameter, InvalidState */
async function endsOfUnended(workspace: Workspace, runId: string): Promise<number> {
  const { attributes } = await requireActiveRun(workspace, runId);
  if (ENDED.includes(attributes.status)) throw hasEnded(runId, ` (${attributes.status})`);
  return endsOf(attributes);
}

function hasEnded(runId: string, how = ""): Error {
  return invalidState(`The run ${runId} has ended${how}: tokens are for runs that have not.`);
}

function toItem(
  workspace: WorkspaceOfToken,
  token: Lease & Pick<RunTokenItem, "id" | "runId" | "runEnds" | "hash">,
): RunTokenItem {
  const { id, runId, runEnds, hash, leaseUntilMs, endsMs } = token;
  const ttl = Math.ceil((leaseUntilMs - workspace.clock.now()) / 1000) + KEPT_AFTER_SECONDS;
  const scope = `${workspace.id}/run-tokens`;
  return { id: documentId(id), scope, ttl, kind: "run-token", runId, runEnds, hash, leaseUntilMs, endsMs };
}
