import type { PipelineRequest, PipelineResponse } from "@azure/core-rest-pipeline";
import { requestCharged } from "../../signals.ts";

const OPERATIONS: Readonly<Record<string, string>> = {
  GET: "read",
  POST: "create",
  PUT: "replace",
  PATCH: "patch",
  DELETE: "remove",
};

/** Tells what an answer says that its request has cost. */
export function tellCharge(request: PipelineRequest, { headers, status }: PipelineResponse): void {
  if (!requestCharged.isHeard) return;
  const charge = Number(headers.get("x-ms-request-charge") ?? Number.NaN);
  if (Number.isNaN(charge)) return;
  const container = /\/colls\/([^/?]+)/.exec(request.url)?.[1] ?? "";
  requestCharged.tell({ charge, operation: operationOf(request), container, status });
}

function operationOf({ method, headers }: PipelineRequest): string {
  if (headers.has("x-ms-cosmos-is-batch-request")) return "batch";
  if (headers.has("x-ms-documentdb-isquery")) return "query";
  return OPERATIONS[method] ?? method;
}
