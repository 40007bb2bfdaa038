import { restDispatcher } from "../shared/rest/dialect.ts";
import { restRoutes } from "../shared/rest/routes.ts";
import { httpHandler } from "./context.ts";

const dispatch = restDispatcher(restRoutes);

/** The REST API. */
export const answer = httpHandler(({ services, identify, logError }, request) =>
  dispatch({ realm: services.realm, events: services.events, identify, logError }, request),
);
