import type { Clock } from "../stores/clock.ts";
import type { StoreUnavailable } from "../stores/errors.ts";
import type { Stores } from "../stores/stores.ts";
import { retryAfter } from "./refusal.ts";
import type { AppResponse } from "./types.ts";

/** Anybody may ask, so the stores are asked only so often. */
const REMEMBERED_MS = 10_000;

type Findings = Record<string, "ok" | "unavailable">;

/** Finds out whether each store answers, by asking for something that is not there. */
export class StoreProbe {
  private last: { readonly atMs: number; readonly findings: Promise<Findings> } | undefined;

  /** 200 or 503, naming the stores but not what is wrong with them, which goes to `log`. */
  async answer(stores: Stores, clock: Clock, log: (error: unknown) => void): Promise<AppResponse> {
    const nowMs = clock.elapsed();
    if (!this.last || nowMs - this.last.atMs >= REMEMBERED_MS) {
      this.last = { atMs: nowMs, findings: probe(stores, log) };
    }
    const findings = await this.last.findings;
    return told(findings, REMEMBERED_MS / 1000);
  }
}

/** The answer while the stores cannot be opened at all, which takes the document store. */
export function unopened({ retryAfterSeconds }: StoreUnavailable): AppResponse {
  return told({ documents: "unavailable" }, retryAfterSeconds);
}

function told(findings: Findings, retryAfterSeconds: number): AppResponse {
  const isWell = Object.values(findings).every((finding) => finding === "ok");
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  const body = JSON.stringify(findings);
  if (isWell) return { status: 200, headers, body };
  return { status: 503, headers: { ...headers, ...retryAfter(retryAfterSeconds) }, body };
}

async function probe({ documents, blobs, queue, secrets }: Stores, log: (error: unknown) => void): Promise<Findings> {
  const questions: Record<string, Promise<unknown> | undefined> = {
    documents: documents.catalog.get("workspaces", "health"),
    blobs: blobs.head("artifacts/health"),
    queue: queue.count("purge"),
    secrets: secrets?.get("health"),
  };
  const asked = Object.entries(questions).filter(([, question]) => question !== undefined);
  const found = await Promise.all(
    asked.map(async ([name, question]) => {
      try {
        await question;
        return [name, "ok"] as const;
      } catch (error) {
        log(error);
        return [name, "unavailable"] as const;
      }
    }),
  );
  return Object.fromEntries(found);
}
