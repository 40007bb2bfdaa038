import { answerMlflow } from "../shared/mlflow/dialect.ts";
import { errorResponse } from "../shared/mlflow/errors.ts";
import { httpHandler } from "./context.ts";

/** MLflow's API, for its clients and, as `ajax-api`, for its web page; for the default workspace and behind each workspace's prefix. */
export const answer = httpHandler(
  ({ services, identify, logError }, request) =>
    answerMlflow(
      {
        realm: services.realm,
        events: services.events,
        settings: { limitsBodies: services.limitsBodies, bodyLimitBytes: services.config.bodyLimitBytes },
        identify,
        logError,
      },
      request,
    ),
  errorResponse,
);
