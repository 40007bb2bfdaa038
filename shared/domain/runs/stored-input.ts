export interface Dataset {
  readonly name: string;
  readonly digest: string;
  readonly sourceType: string;
  readonly source: string;
  readonly schema?: string;
  readonly profile?: string;
}

/** A dataset that a run used. `schema` and `profile` beyond 64 KB are in blobs, named here. */
export interface StoredInput extends Dataset {
  readonly schemaBlob?: string;
  readonly profileBlob?: string;
  /** Of the texts in blobs together. */
  readonly blobBytes?: number;
  readonly tags: readonly (readonly [string, string])[];
}
