/*
 * What the domain asks to have looked at later. The functions that these queues feed are called like them.
 */

export const FOLD_QUEUE = "metrics-fold";
export const SEAL_QUEUE = "metrics-seal";
export const SNAPSHOT_QUEUE = "search-snapshot";
export const PURGE_QUEUE = "purge";
