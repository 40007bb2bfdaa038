import { app } from "@azure/functions";
import { restDispatcher } from "../shared/http/rest.ts";
import { restRoutes } from "../shared/rest/routes.ts";
import { httpHandler } from "./context.ts";

const answer = restDispatcher(restRoutes);

/** The REST API. */
export function registerRest(): void {
  app.http("rest-v1", {
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"],
    authLevel: "anonymous",
    route: "api/v1/{*path}",
    handler: httpHandler(({ services, identify, logError }, request) =>
      answer({ realm: services.realm, events: services.events, identify, logError }, request),
    ),
  });
}
