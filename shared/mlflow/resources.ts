/** What MLflow's fields that name resources are called in events. The tests ask each operation that leaves an event for one of them. */
const RESOURCES = new Map([
  ["experiment_id", "experimentId"],
  ["run_uuid", "runId"],
  ["run_id", "runId"],
  ["model_id", "modelId"],
  ["name", "name"],
  ["new_name", "newName"],
  ["version", "version"],
  ["alias", "alias"],
  ["stage", "stage"],
  ["status", "status"],
  ["path", "path"],
]);

/** The resources that fields name. */
export function resourcesIn(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const named: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(fields)) {
    const resource = RESOURCES.get(field);
    if (resource !== undefined && value !== "" && value !== undefined) named[resource] = value;
  }
  return named;
}
