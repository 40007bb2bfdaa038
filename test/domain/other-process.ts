import { vi } from "vitest";
import * as errors from "../../shared/stores/errors.ts";

/** The modules of a process of its own, which shares nothing with this one but the stores: no locks, no memory. */
export async function otherProcess() {
  vi.resetModules();
  vi.doMock("../../shared/stores/errors.ts", () => errors);
  const [runs, log, fold, memory, experiments, versions, creation, models, secrets] = await Promise.all([
    import("../../shared/domain/runs/runs.ts"),
    import("../../shared/domain/runs/log.ts"),
    import("../../shared/domain/metrics/fold.ts"),
    import("../../shared/domain/memory.ts"),
    import("../../shared/domain/experiments.ts"),
    import("../../shared/domain/registry/versions.ts"),
    import("../../shared/domain/registry/create-version.ts"),
    import("../../shared/domain/registry/models.ts"),
    import("../../shared/domain/secrets.ts"),
  ]);
  vi.doUnmock("../../shared/stores/errors.ts");
  return {
    ...experiments,
    ...runs,
    ...log,
    ...fold,
    ...versions,
    ...creation,
    ...models,
    ...secrets,
    Memory: memory.Memory,
  };
}
