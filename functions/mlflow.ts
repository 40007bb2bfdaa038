import { app, type HttpMethod } from "@azure/functions";
import { answerMlflow } from "../shared/mlflow/dialect.ts";
import { httpHandler } from "./context.ts";

const methods: HttpMethod[] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

const handler = httpHandler(({ services, identify, logError }, request) =>
  answerMlflow(
    {
      realm: services.realm,
      events: services.events,
      settings: { limitsBodies: services.limitsBodies },
      identify,
      logError,
    },
    request,
  ),
);

/** MLflow's API, for its clients and, as `ajax-api`, for its web page; for the default workspace and behind each workspace's prefix. */
export function registerMlflow(): void {
  const register = (name: string, route: string) => app.http(name, { methods, authLevel: "anonymous", route, handler });
  register("mlflow-api-2", "api/2.0/{*path}");
  register("mlflow-api-3", "api/3.0/{*path}");
  register("mlflow-ajax", "ajax-api/{*path}");
  register("mlflow-workspace", "w/{workspace}/{*path}");
  register("mlflow-azureml", "mlflow/{*path}");
}
