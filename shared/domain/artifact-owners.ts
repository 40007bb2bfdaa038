import { pathOfUri } from "./artifact-paths.ts";
import type { ModelAttributes } from "./logged-models/types.ts";
import { getHead } from "./record.ts";
import type { RunAttributes } from "./runs/types.ts";
import { RUN_ID } from "./validation.ts";
import { runsPartition, type Workspace } from "./workspace.ts";

type OwnerAttributes = RunAttributes | ModelAttributes;

export interface Owner {
  readonly attributes: OwnerAttributes;
  /** The folder of its artifacts. */
  readonly root: string;
}

/**
 * The runs and logged models at or below whose folder of artifacts a path lies: hardly ever more than one. The folder is named after its owner;
 * which one it is, the owner's record tells.
 * @param canonical from `artifactPath`
 */
export async function* ownersOf(workspace: Workspace, canonical: string): AsyncGenerator<Owner> {
  const segments = canonical.split("/");
  for (const [i, segment] of segments.entries()) {
    const ownerId = segments[i - 1];
    if (segment !== "artifacts" || ownerId === undefined) continue;
    const attributes = await ownerAttributes(workspace, ownerId);
    const root = attributes && pathOfUri(attributes.artifactUri);
    if (root && (canonical === root || canonical.startsWith(`${root}/`))) yield { attributes, root };
  }
}

export async function isWithinOwner(workspace: Workspace, canonical: string): Promise<boolean> {
  for await (const _ of ownersOf(workspace, canonical)) return true;
  return false;
}

/** Undefined where no run or model has this id. */
async function ownerAttributes(workspace: Workspace, id: string): Promise<OwnerAttributes | undefined> {
  if (!RUN_ID.test(id)) return undefined;
  return (await getHead<OwnerAttributes>(workspace, runsPartition(workspace, id)))?.item.attributes;
}
