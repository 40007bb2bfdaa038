import { app } from "@azure/functions";
import { restDispatcher } from "../shared/http/rest.ts";
import { workspaceRoutes } from "../shared/rest/workspaces.ts";
import { httpHandler } from "./context.ts";

const answer = restDispatcher(workspaceRoutes);

/** The REST API of the workspaces. */
export function registerWorkspaces(): void {
  app.http("rest-v1", {
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"],
    authLevel: "anonymous",
    route: "api/v1/{*path}",
    handler: httpHandler(({ services, identify, logError }, request) =>
      answer({ realm: services.realm, identify, logError }, request),
    ),
  });
}
