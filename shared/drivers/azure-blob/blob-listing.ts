import type { BlobItem, BlobPrefix } from "@azure/storage-blob";
import type { BlobPage } from "../../stores/blob-store.ts";
import { checkPrefix } from "../common/blob-names.ts";
import { READ, type Retries } from "../common/retries.ts";
import { refusalCode } from "../common/storage-errors.ts";
import { propertiesOf } from "./blob-properties.ts";
import { type Containers, split } from "./containers.ts";

const DEFAULT_PAGE_SIZE = 1_000;
/** More than this the service refuses. */
const MAX_PAGE_SIZE = 5_000;

/** What a page of the service holds. */
interface Segment {
  readonly continuationToken?: string;
  readonly segment: { readonly blobItems: BlobItem[]; readonly blobPrefixes?: BlobPrefix[] };
}

/** The pages of a listing, without the empty ones that the service may send. A container that does not exist holds nothing. */
export async function* listPages(
  containers: Containers,
  retry: Retries,
  prefix: string,
  { delimiter, pageSize = DEFAULT_PAGE_SIZE }: { delimiter?: "/"; pageSize?: number },
): AsyncGenerator<BlobPage> {
  checkPrefix(prefix);
  const { container, path } = split(prefix);
  const client = containers.container(container);
  const maxPageSize = Math.min(Math.max(1, pageSize), MAX_PAGE_SIZE);
  const segmentAfter = async (continuationToken: string | undefined, abortSignal: AbortSignal): Promise<Segment> => {
    const options = { prefix: path, abortSignal };
    const all = delimiter ? client.listBlobsByHierarchy(delimiter, options) : client.listBlobsFlat(options);
    return (await all.byPage({ continuationToken, maxPageSize }).next()).value;
  };
  let token: string | undefined;
  do {
    const found = await retry(READ, `list ${prefix}`, ({ signal }) => segmentAfter(token, signal)).catch(
      undefinedWithoutContainer,
    );
    if (found === undefined) return;
    const page = pageOf(container, found);
    if (page.blobs.length + page.prefixes.length > 0) yield page;
    token = found.continuationToken;
  } while (token);
}

function pageOf(container: string, { segment }: Segment): BlobPage {
  return {
    blobs: segment.blobItems.map(({ name, properties }) =>
      propertiesOf(`${container}/${name}`, properties.contentLength, properties),
    ),
    prefixes: (segment.blobPrefixes ?? []).map(({ name }) => `${container}/${name}`),
  };
}

function undefinedWithoutContainer(error: unknown): undefined {
  if (refusalCode(error) !== "ContainerNotFound") throw error;
}
