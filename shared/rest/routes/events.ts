import * as z from "zod/mini";
import { DEFAULT_DAYS, type Event, listEvents } from "../../domain/events/events.ts";
import { textOfAtMost } from "../max-characters.ts";
import { WORKSPACE } from "../parameters.ts";
import { type RestRoute, restRoute } from "../route.ts";
import { Time } from "../time.ts";

const Outcome = z.enum(["allowed", "refused"]);

const EventJson = z
  .object({
    id: z.string(),
    time: Time,
    action: z
      .string()
      .check(
        z.describe(
          "The operation, by the name it has in docs/permissions.md; or owner_key_made, which a server does by itself, and refusals_beyond_limit, which counts those without an event of their own.",
        ),
      ),
    outcome: Outcome,
    caller: z
      .object({
        kind: z.string().check(z.describe("anonymous, loopback, key, entra, run, or host: the local host itself.")),
        id: z.string().check(z.describe("The member, or the run.")),
        keyId: z.optional(z.string()),
      })
      .check(z.describe("Who.")),
    from: z.optional(z.string().check(z.describe("The address that the request came from."))),
    forwardedFor: z.optional(z.string().check(z.describe("For whom that address says that it asks."))),
    resources: z.record(z.string(), z.string()).check(z.describe("Ids and names, by what they are.")),
    times: z.optional(
      z
        .int()
        .check(
          z.describe(
            "Of a refusal that came again within its minute: how often, after the first, which has an event of its own.",
          ),
        ),
    ),
  })
  .check(z.meta({ id: "Event" }));

const EventsQuery = z.strictObject({
  from: z.optional(z.iso.datetime().check(z.describe(`Inclusive, UTC; default ${DEFAULT_DAYS} days before \`to\`.`))),
  to: z.optional(z.iso.datetime().check(z.describe("Exclusive, UTC; default everything up to now."))),
  action: z.optional(z.string().check(z.maxLength(100))),
  outcome: z.optional(Outcome),
  caller: z.optional(textOfAtMost(300, "The id of a member, a run or a key.")),
  resource: z.optional(textOfAtMost(300, "Any id or name of a resource.")),
  pageSize: z._default(z.int().check(z.gte(1), z.lte(1000)), 100),
  pageToken: z.optional(z.string().check(z.maxLength(1000), z.describe("With all else as it was."))),
});

/** Who did what. */
export const eventRoutes: readonly RestRoute[] = [
  restRoute({
    name: "events_list",
    summary:
      "List who changed what and who was refused what, newest first. Pages may be short; what has a nextPageToken goes on.",
    method: "GET",
    path: "workspaces/:workspace/events",
    params: { workspace: WORKSPACE },
    permission: "manage",
    query: EventsQuery,
    returns: z.object({ value: z.array(EventJson), nextPageToken: z.optional(z.string()) }),
    status: 200,
    do: async ({ workspace, query }) => {
      const { from, to, ...rest } = query;
      const times = { fromMs: parsed(from), toMs: parsed(to) };
      const { events, nextPageToken } = await listEvents(workspace, { ...times, ...rest });
      return { value: events.map(eventJson), ...(nextPageToken !== undefined && { nextPageToken }) };
    },
  }),
];

const parsed = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));

function eventJson({ timeMs, ...event }: Event) {
  return { ...event, time: new Date(timeMs).toISOString() };
}
