import {
  app,
  type FunctionHandler,
  type HttpHandler,
  type HttpMethod,
  type StorageQueueHandler,
} from "@azure/functions";
import { area } from "./area.ts";
import { checkSettings, guarded } from "./guard.ts";
import { QUEUES } from "./queues.ts";
import { takeRequestsAsSent } from "./stream-mode.ts";
import { startTelemetry, TELEMETRY_CAPABILITIES } from "./telemetry.ts";

checkSettings();
const observe = startTelemetry();
app.setup({ enableHttpStream: true, capabilities: observe ? TELEMETRY_CAPABILITIES : {} });

/*
 * The whole surface of the app. Areas have disjoint prefixes, because the Functions host tries functions in the order of their names.
 */

const READ: HttpMethod[] = ["GET", "HEAD"];
const EVERY: HttpMethod[] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/** The tracking address of a workspace as Azure ML writes it. */
const AZUREML =
  "mlflow/{api}/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices/workspaces/{workspace}";

const health = area(() => import("./health.ts"));
http("health", READ, "health", health("alive"));
http("health-dependencies", ["GET"], "health/dependencies", health("dependencies"));
http("version", READ, "version", health("version"));

// An empty route would be the function's name; this one takes the empty path alone.
const home = area(() => import("./home.ts"))("answer");
http("home", READ, "{nothing:maxlength(0)?}", home);
http("home-workspace", READ, "w/{workspace}", home);

const mlflow = area(() => import("./mlflow.ts"))("answer");
http("mlflow-api-2", EVERY, "api/2.0/{*path}", mlflow);
http("mlflow-api-3", EVERY, "api/3.0/{*path}", mlflow);
http("mlflow-ajax", EVERY, "ajax-api/{*path}", mlflow);
http("mlflow-graphql", ["POST"], "graphql", mlflow);
http("mlflow-run-artifact", READ, "get-artifact", mlflow);
http("mlflow-version-artifact", READ, "model-versions/get-artifact", mlflow);
http("mlflow-w-health", READ, "w/{workspace}/health", health("alive"));
http("mlflow-w-version", READ, "w/{workspace}/version", health("version"));
http("mlflow-workspace", EVERY, "w/{workspace}/{*path}", mlflow);
http("mlflow-aml-health", READ, `${AZUREML}/health`, health("alive"));
http("mlflow-aml-version", READ, `${AZUREML}/version`, health("version"));
http("mlflow-azureml", EVERY, "mlflow/{*path}", mlflow);

const rest = area(() => import("./rest.ts"));
http("rest-v1", EVERY, "api/v1/{*path}", rest("answer"));

const background = area(async () => ({ watch: (await import("./background.ts")).watch }));
app.timer("watchdog", { schedule: "0 */15 * * * *", handler: observed(background("watch")) });

for (const { name, handler } of QUEUES) queue(name, handler);

takeRequestsAsSent();

function http(name: string, methods: HttpMethod[], route: string, handler: HttpHandler): void {
  app.http(name, { methods, authLevel: "anonymous", route, handler: observed(guarded(handler)) });
}

function queue(name: string, handler: StorageQueueHandler): void {
  app.storageQueue(name, { queueName: name, connection: "AzureWebJobsStorage", handler: observed(handler) });
}

function observed<H extends FunctionHandler>(handler: H): H {
  return observe ? observe(handler) : handler;
}
