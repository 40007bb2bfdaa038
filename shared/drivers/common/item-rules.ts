import type { Item } from "../../stores/document-store.ts";
import { MAX_BATCH_BYTES, MAX_BATCH_OPERATIONS, MAX_ITEM_BYTES } from "../../stores/document-store.ts";
import { InvalidArgument, TooLarge } from "../../stores/errors.ts";

/** Levels of objects and arrays, the item itself included. */
const MAX_NESTING = 100;
const MAX_TEXT_LENGTH = 255;
const MAX_TTL_SECONDS = 2 ** 31 - 1;
const ID = /^[A-Za-z0-9_-]{1,255}$/;

interface EncodedItem {
  readonly json: string;
  /** UTF-8 length of `json`. */
  readonly bytes: number;
}

/**
 * The item as the JSON text that is stored: the same value for whoever reads it, or an error.
 * @throws InvalidArgument for a bad id, scope, unique or ttl, and for values that JSON would change; TooLarge beyond 2 MB
 */
export function encodeItem(item: Item): EncodedItem {
  checkId(item.id);
  checkText("scope", item.scope);
  if (item.unique !== undefined) checkText("unique", item.unique);
  if (item.ttl !== undefined) checkTtl(item.ttl);
  checkValue(item, "item", 1);
  const json = JSON.stringify(item);
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_ITEM_BYTES) {
    throw new TooLarge(`The item ${item.id} has ${bytes} bytes of JSON; at most ${MAX_ITEM_BYTES} can be stored.`);
  }
  return { json, bytes };
}

/** @throws InvalidArgument for an item that cannot be ensured: whether it is there could be more than a matter of its id */
export function checkEnsurable({ unique, ttl }: Item): void {
  if (unique !== undefined) throw new InvalidArgument("unique: an item that is ensured has none.");
  if (ttl !== undefined) throw new InvalidArgument("ttl: an item that is ensured has none.");
}

/** Whether an item could have this id at all. */
export function isId(id: unknown): id is string {
  return typeof id === "string" && ID.test(id);
}

/** @throws InvalidArgument */
export function checkId(id: unknown): void {
  if (!isId(id)) {
    throw new InvalidArgument(`id: ${shown(id)} must be 1-255 characters of A-Z, a-z, 0-9, _ and -.`);
  }
}

/** @throws InvalidArgument */
export function checkPartition(partition: unknown): void {
  checkText("partition", partition);
  if (partition === "") throw new InvalidArgument("partition: must not be empty.");
}

/** @throws InvalidArgument when there is none; TooLarge when there are too many */
export function checkBatchCount(operations: number): void {
  if (operations === 0) throw new InvalidArgument("operations: a batch needs one at least.");
  if (operations > MAX_BATCH_OPERATIONS) {
    throw new TooLarge(`operations: ${operations} given, a batch takes at most ${MAX_BATCH_OPERATIONS}.`);
  }
}

/** @throws TooLarge */
export function checkBatchBytes(bytes: number): void {
  if (bytes > MAX_BATCH_BYTES) {
    throw new TooLarge(`operations: ${bytes} bytes given, a batch takes at most ${MAX_BATCH_BYTES}.`);
  }
}

/** @throws InvalidArgument when an id occurs twice */
export function checkBatchIds(ids: readonly string[]): void {
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new InvalidArgument(`operations: the id ${twice} occurs twice in the batch.`);
}

function checkText(field: string, value: unknown): void {
  if (typeof value !== "string" || value.length > MAX_TEXT_LENGTH || !value.isWellFormed()) {
    throw new InvalidArgument(
      `${field}: ${shown(value)} must be well-formed text of at most ${MAX_TEXT_LENGTH} characters.`,
    );
  }
}

function checkTtl(ttl: unknown): void {
  if (!Number.isInteger(ttl) || (ttl as number) < 1 || (ttl as number) > MAX_TTL_SECONDS) {
    throw new InvalidArgument(`ttl: ${shown(ttl)} must be a whole number of seconds from 1 to ${MAX_TTL_SECONDS}.`);
  }
}

/** Walks the value before it is written: JSON itself turns what it cannot hold into null, or drops it, without a word. */
function checkValue(value: unknown, field: string, level: number): void {
  switch (typeof value) {
    case "boolean":
      return;
    case "string":
      checkString(value, field);
      return;
    case "number":
      checkNumber(value, field);
      return;
    case "object":
      if (value !== null) checkMembers(value, field, level);
      return;
    default:
      throw new InvalidArgument(`${field}: a ${typeof value} is no JSON value.`);
  }
}

function checkMembers(value: object, field: string, level: number): void {
  if (level > MAX_NESTING) throw new InvalidArgument(`${field}: is nested more than ${MAX_NESTING} levels deep.`);
  if (Array.isArray(value)) {
    for (const element of value) checkValue(element, field, level + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new InvalidArgument(`${field}: only plain objects, arrays, texts, numbers, booleans and null can be stored.`);
  }
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key];
    checkString(key, field);
    if (member !== undefined) checkValue(member, key, level + 1);
  }
}

function checkString(text: string, field: string): void {
  if (!text.isWellFormed()) throw new InvalidArgument(`${field}: has a surrogate that is not one of a pair.`);
}

function checkNumber(value: number, field: string): void {
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    throw new InvalidArgument(`${field}: ${value} must be finite and, when whole, within ±(2^53-1).`);
  }
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : String(value);
}
