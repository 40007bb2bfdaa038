import type { Meter } from "@opentelemetry/api";
import { pointsIngested, requestCharged, runStateEntered } from "../../signals.ts";

/** The metrics of what the app does, in the terms of the workspace. */
export function countSignals(meter: Meter): void {
  const runs = meter.createCounter("cairn.runs", { description: "Runs that came into a state." });
  const points = meter.createCounter("cairn.metric_points", { description: "Metric points that were stored." });
  const charges = meter.createHistogram("cairn.cosmos.request_charge", {
    description: "What requests to Cosmos DB cost.",
    unit: "RU",
  });
  runStateEntered.listen(({ state }) => runs.add(1, { state }));
  pointsIngested.listen(({ points: count }) => points.add(count));
  requestCharged.listen(({ charge, ...labels }) => charges.record(charge, labels));
}
