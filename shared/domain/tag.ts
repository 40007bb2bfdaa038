import { LIMITS, requireEntityName, requireLength, truncated } from "./validation.ts";

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** A param, which is written like a tag. */
export type Param = Tag;

/**
 * @param path what the request calls it; empty: it is the request itself
 * @throws InvalidParameter; too long values are cut, as MLflow does
 */
export function checkedTag(tag: Tag, path = ""): Tag {
  const prefix = path === "" ? "" : `${path}.`;
  requireEntityName(`${prefix}key`, tag.key);
  requireLength(`${prefix}key`, tag.key, LIMITS.key);
  return { key: tag.key, value: truncated(tag.value, LIMITS.runTagValue) };
}

/**
 * @param path what the request calls it; empty: it is the request itself
 * @throws InvalidParameter; too long values are cut, as MLflow does
 */
export function checkedParam({ key, value }: Param, path = ""): Param {
  requireEntityName(path === "" ? "key" : `${path}.key`, key);
  requireLength("Param key", key, LIMITS.key);
  return { key, value: truncated(value, LIMITS.paramValue) };
}
