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

type Document = Readonly<Record<string, unknown>>;

interface Operation {
  readonly operationType: "Create" | "Replace" | "Delete" | "Read";
  readonly id?: string;
  readonly resourceBody?: Document;
}

/**
 * Sends requests on, and keeps what each would cost. Where Microsoft publishes no figure the dearer one is taken: a conditional read costs as much
 * as the document, whether or not it comes, and a query reads every document that it finds.
 */
export class PricedHttp implements HttpClient {
  readonly #inner = createDefaultHttpClient();
  readonly #documents = new Map<string, { bytes: number; terms: number }>();
  #costs: Cost[] = [];
  #inFlight = 0;
  #roundTrips = 0;

  /** What there was since the last time. */
  take(): { kinds: RequestKind[]; units: number; roundTrips: number; costs: Cost[] } {
    const [costs, roundTrips] = [this.#costs, this.#roundTrips];
    this.#costs = [];
    this.#roundTrips = 0;
    const units = sumOf(costs, (cost) => cost.units);
    return { kinds: costs.map(({ kind }) => kind), units, roundTrips, costs };
  }

  async sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    // Requests that are on their way together are waited for once.
    if (this.#inFlight++ === 0) this.#roundTrips++;
    const response = await this.#inner.sendRequest(request).finally(() => this.#inFlight--);
    const kind = kindOf(request);
    this.#costs.push({ kind, units: this.#unitsOf(kind, request, response) });
    return response;
  }

  #unitsOf(kind: RequestKind, request: PipelineRequest, response: PipelineResponse): number {
    const sent = () => JSON.parse(String(request.body));
    const id = decodeURIComponent(request.url.split("/").at(-1)!);
    switch (kind) {
      case "create":
        return this.#operationUnits(request, { operationType: "Create", resourceBody: sent() });
      case "replace":
        return this.#operationUnits(request, { operationType: "Replace", resourceBody: sent() });
      case "remove":
        return this.#operationUnits(request, { operationType: "Delete", id });
      case "read":
        return this.#operationUnits(request, { operationType: "Read", id });
      case "batch":
        return sumOf(sent() as Operation[], (each) => this.#operationUnits(request, each));
      case "query":
        return STRONG_READ_FACTOR * QUERY + sumOf(found(response), (each) => readUnits(bytesOf(each)));
      default:
        return 0;
    }
  }

  /** A replaced document is removed and inserted; removing costs as much as inserting did. */
  #operationUnits({ url, headers }: PipelineRequest, { operationType, id, resourceBody }: Operation): number {
    const container = /\/colls\/([^/]+)/.exec(url)?.[1];
    const key = [container, headers.get("x-ms-documentdb-partitionkey"), id ?? resourceBody?.id].join(" ");
    const known = this.#documents.get(key);
    if (operationType === "Read") return readUnits(known?.bytes ?? 0);
    if (operationType === "Delete") {
      this.#documents.delete(key);
      return known ? writeUnits(known) : writeUnits({ bytes: 0, terms: 1 });
    }
    const written = { bytes: bytesOf(resourceBody), terms: indexTerms(resourceBody!) };
    this.#documents.set(key, written);
    return operationType === "Create" ? writeUnits(written) : 2 * writeUnits(written);
  }
}

function found({ bodyAsText }: PipelineResponse): unknown[] {
  return (JSON.parse(bodyAsText || "{}") as { Documents?: unknown[] }).Documents ?? [];
}

function sumOf<T>(all: readonly T[], units: (each: T) => number): number {
  return all.reduce((sum, each) => sum + units(each), 0);
}

function bytesOf(document: unknown): number {
  return Buffer.byteLength(JSON.stringify(document)) + SYSTEM_BYTES;
}

function writeUnits({ bytes, terms }: { bytes: number; terms: number }): number {
  return priceOf(bytes, (row) => row[1]) + PER_INDEX_TERM * terms;
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
