import * as z from "zod/mini";
import { mintRunToken, renewRunToken } from "../../domain/access/run-tokens.ts";
import { WorkspaceError } from "../../domain/errors.ts";
import { RUN, WORKSPACE } from "../parameters.ts";
import { type RestRoute, restRoute } from "../route.ts";
import { Time } from "../time.ts";

const MAX_LEASE_SECONDS = 900;
const DEFAULT_LONGEST_SECONDS = 7 * 24 * 3600;
const MAX_LONGEST_SECONDS = 30 * 24 * 3600;

const LeaseRequest = z
  .strictObject({
    leaseSeconds: z._default(
      z.int().check(z.gte(30), z.lte(MAX_LEASE_SECONDS), z.describe("Until when the token is good unless renewed.")),
      MAX_LEASE_SECONDS,
    ),
    longestSeconds: z._default(
      z
        .int()
        .check(
          z.gte(60),
          z.lte(MAX_LONGEST_SECONDS),
          z.describe("How long the run may take; 15 minutes later no lease is renewed. Means nothing when renewing."),
        ),
      DEFAULT_LONGEST_SECONDS,
    ),
  })
  .check(z.meta({ id: "LeaseRequest" }));

const RunToken = z
  .object({
    token: z.optional(z.string().check(z.describe("Not shown again; absent when a lease was renewed."))),
    leaseEndsTime: Time.check(z.describe("UTC. The token is good until then.")),
    endsTime: Time.check(z.describe("UTC. No renewal goes beyond.")),
  })
  .check(z.meta({ id: "RunToken" }));

/** What scripts come with while they run. */
export const runTokenRoutes: readonly RestRoute[] = [
  restRoute({
    name: "runs_token",
    summary: "Make a token for a run that has not ended; or, called with such a token, renew its lease.",
    method: "POST",
    path: "workspaces/:workspace/runs/:runId/token",
    params: { workspace: WORKSPACE, runId: RUN },
    permission: "write",
    writes: ({ params }) => ({ runs: [params.runId] }),
    body: LeaseRequest,
    returns: RunToken,
    status: 200,
    refusals: ["InvalidState"],
    do: async ({ workspace, params, body, caller }) => {
      const runId = params.runId;
      const leaseMs = body.leaseSeconds * 1000;
      if (caller.kind !== "run") {
        const { secret, ...lease } = await mintRunToken(workspace, runId, leaseMs, body.longestSeconds * 1000);
        return { token: secret, ...leaseJson(lease) };
      }
      if (caller.id !== runId) throw new WorkspaceError("PermissionDenied", "A run token renews its own lease alone.");
      return leaseJson(await renewRunToken(workspace, caller.token, leaseMs));
    },
  }),
];

function leaseJson({ leaseUntilMs, endsMs }: { leaseUntilMs: number; endsMs: number }) {
  return { leaseEndsTime: new Date(leaseUntilMs).toISOString(), endsTime: new Date(endsMs).toISOString() };
}
