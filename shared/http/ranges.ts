import type { BlobDownload, BlobProperties, BlobStore, ByteRange } from "../stores/blob-store.ts";

/** What there is to send of a blob; properties and bytes are of one state of it. */
type Ranged =
  | { readonly status: 200; readonly found: BlobDownload }
  | { readonly status: 206; readonly found: BlobDownload; readonly first: number; readonly last: number }
  | { readonly status: 412 }
  | { readonly status: 416; readonly properties: BlobProperties };

/** Told apart by its status; all of them know the state that they are of. */
type Readable = Exclude<Ranged, { status: 412 }>;
type Headers = (name: string) => string | null | undefined;
type WantedRange = ByteRange | { readonly lastBytes: number };

/** How often the end of a blob is looked for that is replaced each time. */
const MAX_ATTEMPTS = 3;

/**
 * Reads what the headers Range, If-Range and If-Match ask for, as RFC 9110 has it: the whole where If-Range names another state, or the range is
 * none that we know.
 * @param header a header by its name in lower case
 * @returns undefined when there is no such blob
 */
export async function getRanged(blobs: BlobStore, name: string, header: Headers): Promise<Ranged | undefined> {
  const wanted = parseRange(header("range"));
  let ranged = wanted && (await getRange(blobs, name, wanted));
  if (ranged && !mayContinue(header("if-range"), propertiesOf(ranged))) {
    await abandon(ranged);
    ranged = undefined;
  }
  ranged ??= await getWhole(blobs, name);
  if (ranged === undefined || mayAnswer(header("if-match"), propertiesOf(ranged))) return ranged;
  await abandon(ranged);
  return { status: 412 };
}

/** Whether If-Match allows to answer with this state of a blob. */
export function mayAnswer(ifMatch: string | null | undefined, { etag }: BlobProperties): boolean {
  if (ifMatch == null || ifMatch.trim() === "*") return true;
  return ifMatch.split(",").some((each) => each.trim() === quoted(etag));
}

export function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}

async function getWhole(blobs: BlobStore, name: string): Promise<Readable | undefined> {
  const found = await blobs.get(name);
  return found && { status: 200, found };
}

/** Undefined too for the last bytes of what changes all the time: the whole is right at any time. */
async function getRange(blobs: BlobStore, name: string, wanted: WantedRange): Promise<Readable | undefined> {
  if (!("lastBytes" in wanted)) return getFromTo(blobs, name, wanted);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const properties = await blobs.head(name);
    if (properties === undefined) return undefined;
    const { size } = properties;
    if (size === 0 || wanted.lastBytes === 0) return { status: 416, properties };
    const ranged = await getFromTo(blobs, name, { first: Math.max(0, size - wanted.lastBytes) });
    if (ranged === undefined || propertiesOf(ranged).size === size) return ranged;
    await abandon(ranged);
  }
  return undefined;
}

async function getFromTo(blobs: BlobStore, name: string, range: ByteRange): Promise<Readable | undefined> {
  const found = await blobs.get(name, range);
  if (found === undefined) return undefined;
  const { properties } = found;
  const last = Math.min(range.last ?? properties.size - 1, properties.size - 1);
  if (range.first <= last) return { status: 206, found, first: range.first, last };
  await close(found);
  return { status: 416, properties };
}

/** A date never matches: two states may be of one second. */
function mayContinue(ifRange: string | null | undefined, { etag }: BlobProperties): boolean {
  return ifRange == null || ifRange.trim() === quoted(etag);
}

function propertiesOf(ranged: Readable): BlobProperties {
  return ranged.status === 416 ? ranged.properties : ranged.found.properties;
}

async function abandon(ranged: Readable): Promise<void> {
  if (ranged.status !== 416) await close(ranged.found);
}

async function close({ body }: BlobDownload): Promise<void> {
  await body[Symbol.asyncIterator]().return?.();
}

/** One range of bytes; several, or what is no range, are ignored. */
function parseRange(header: string | null | undefined): WantedRange | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  if (first === "") return last === "" ? undefined : { lastBytes: Number(last) };
  if (last === "") return { first: Number(first) };
  return Number(last) < Number(first) ? undefined : { first: Number(first), last: Number(last) };
}
