import { app } from "@azure/functions";
import { registerBackground } from "./background.ts";
import { installGuard } from "./guard.ts";
import { registerHealth } from "./health.ts";
import { registerMlflow } from "./mlflow.ts";
import { registerRest } from "./rest.ts";

/*
 * The whole surface of the app. Areas have disjoint prefixes, because the Functions host tries functions in the order of their names:
 *   health, version                                     whether the app answers, and its stores; what it is
 *   api/2.0, api/3.0, ajax-api, w/{workspace}, mlflow   MLflow
 *   api/v1                                              our own REST API
 *   queues metrics-fold, metrics-seal, search-snapshot, purge; timer watchdog   background work
 */
app.setup({ enableHttpStream: true });
installGuard();
registerHealth();
registerMlflow();
registerRest();
registerBackground();
