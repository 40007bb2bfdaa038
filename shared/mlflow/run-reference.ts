import { invalid } from "../domain/errors.ts";
import { missingValue } from "../domain/validation.ts";

/** `run_id`, or its old name `run_uuid` where only that is given. @throws InvalidParameter also when the two differ */
export function requireRun({ run_id, run_uuid }: { run_id?: string; run_uuid?: string }): string {
  const runId = run_id || run_uuid;
  if (!runId) throw missingValue("run_id");
  if (run_uuid && run_uuid !== runId) throw invalid("The parameters 'run_id' and 'run_uuid' name different runs.");
  return runId;
}
