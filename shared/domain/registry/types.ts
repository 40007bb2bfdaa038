import type { Item } from "../../stores/document-store.ts";
import type { CatalogItem } from "../catalog-kind.ts";

export const STAGES = ["None", "Staging", "Production", "Archived"] as const;
export type VersionStage = (typeof STAGES)[number];

/** A registered model: a name with versions under it. */
export interface RegisteredModel {
  /** Stays when the name changes; versions refer to it. */
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly tags: readonly (readonly [string, string])[];
  readonly aliases: readonly (readonly [string, number])[];
  /** The highest version number ever given; numbers are never given twice. */
  readonly lastVersion: number;
}

export interface ModelVersion {
  readonly modelKey: string;
  readonly version: number;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly stage: VersionStage;
  readonly description: string;
  /** As given. */
  readonly source: string;
  /** Where the files are: `source`, or what it resolved to. */
  readonly storageLocation: string;
  readonly runId: string;
  readonly runLink: string;
  readonly modelId?: string;
  readonly tags: readonly (readonly [string, string])[];
}

export interface ModelItem extends CatalogItem {
  readonly kind: "registered-model";
  readonly model: RegisteredModel;
}

export interface VersionItem extends Item {
  readonly kind: "model-version";
  readonly version: ModelVersion;
}

/** What is left of a deleted model or version for 30 days, so that indexes forget it. */
export interface RegistryTombstone extends Item {
  readonly kind: "tombstone";
}

export type RegistryItem = ModelItem | VersionItem | RegistryTombstone;

/** A version with what belongs to it but is kept with its model. */
export interface NamedVersion {
  readonly name: string;
  readonly version: ModelVersion;
  readonly aliases: readonly string[];
}
