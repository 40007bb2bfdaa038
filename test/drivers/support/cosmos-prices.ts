import {
  createDefaultHttpClient,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
} from "@azure/core-rest-pipeline";
import { containerDefinitions } from "../../../shared/drivers/cosmos/containers.ts";
import { kindOf, type RequestKind } from "./cosmos-http.ts";

/** Request units of Cosmos DB by kilobytes, without an index and under Session consistency: [KB, write, read]. */
const PRICES = [
  [1, 4.95, 1],
  [2, 6.29, 1.04],
  [4, 6.67, 1.14],
  [8, 7.04, 1.33],
  [16, 9.52, 1.67],
  [32, 11.23, 2.19],
  [64, 22.67, 4.76],
  [128, 48.19, 9.95],
  [256, 98.29, 20.28],
  [512, 184.57, 40.95],
  [1_024, 625, 145.9],
  [2_048, 1_250, 291.8],
] as const;
const PER_INDEX_TERM = 0.2;
/** A query that finds nothing, in each of the service's partitions that it goes to. */
const QUERY = 2.3;
const STRONG_READ_FACTOR = 2;
/** What the service adds to a document: `_rid`, `_self`, `_etag`, `_ts`. */
const SYSTEM_BYTES = 200;

export interface Cost {
  readonly kind: RequestKind;
  /** Request units under Strong consistency. */
  readonly units: number;
}

/** Sends requests on, and keeps what each would cost. */
export class PricedHttp implements HttpClient {
  readonly #inner = createDefaultHttpClient();
  #costs: Cost[] = [];

  /** What there was since the last time. */
  take(): { kinds: RequestKind[]; units: number } {
    const costs = this.#costs;
    this.#costs = [];
    return { kinds: costs.map(({ kind }) => kind), units: costs.reduce((sum, { units }) => sum + units, 0) };
  }

  async sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    const response = await this.#inner.sendRequest(request);
    const kind = kindOf(request);
    this.#costs.push({ kind, units: unitsOf(kind, request, response) });
    return response;
  }
}

function unitsOf(kind: RequestKind, request: PipelineRequest, response: PipelineResponse): number {
  const sent = () => writeUnits(JSON.parse(String(request.body)) as Document);
  switch (kind) {
    case "create":
      return sent();
    case "replace":
      return 2 * sent();
    case "read":
      return readUnits(response.bodyAsText?.length ?? 0);
    case "query":
      return QUERY * STRONG_READ_FACTOR + readUnits(response.bodyAsText?.length ?? 0);
    default:
      return 0;
  }
}

type Document = Readonly<Record<string, unknown>>;

function writeUnits(document: Document): number {
  const bytes = Buffer.byteLength(JSON.stringify(document)) + SYSTEM_BYTES;
  return priceOf(bytes, (row) => row[1]) + PER_INDEX_TERM * indexTerms(document);
}

function readUnits(bytes: number): number {
  return STRONG_READ_FACTOR * priceOf(bytes, (row) => row[2]);
}

/** The id, and each included path of the containers that the document has. */
function indexTerms(document: Document): number {
  const paths = containerDefinitions()[0]!.indexingPolicy.includedPaths!.map(({ path }) => path.split("/")[1]!);
  return 1 + paths.filter((path) => path === "_ts" || document[path] !== undefined).length;
}

/** Between two rows of the table in proportion. */
function priceOf(bytes: number, column: (row: (typeof PRICES)[number]) => number): number {
  const kilobytes = bytes / 1_024;
  const above = PRICES.findIndex(([size]) => size >= kilobytes);
  if (above < 0) throw new Error(`${bytes} bytes are more than a document takes.`);
  const upper = PRICES[above]!;
  const lower = PRICES[above - 1];
  if (lower === undefined) return column(upper);
  const share = (kilobytes - lower[0]) / (upper[0] - lower[0]);
  return column(lower) + share * (column(upper) - column(lower));
}
