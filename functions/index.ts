import { app } from "@azure/functions";
import { registerBackground } from "./background.ts";
import { checkSettings, installGuard } from "./guard.ts";
import { registerHealth } from "./health.ts";
import { registerMlflow } from "./mlflow.ts";
import { registerRest } from "./rest.ts";
import { installTelemetry, TELEMETRY_CAPABILITIES } from "./telemetry.ts";

/*
 * The whole surface of the app. Areas have disjoint prefixes, because the Functions host tries functions in the order of their names:
 *   health, version                                     whether the app answers, and its stores; what it is
 *   api/2.0, api/3.0, ajax-api, w/{workspace}, mlflow   MLflow
 *   api/v1                                              our own REST API
 *   queues metrics-fold, metrics-seal, search-snapshot, purge; timer watchdog   background work
 */
checkSettings();
installGuard();
// Around the guard, so that what it logs belongs to the operation.
const isReporting = installTelemetry();
app.setup({ enableHttpStream: true, capabilities: isReporting ? TELEMETRY_CAPABILITIES : {} });
registerHealth();
registerMlflow();
registerRest();
registerBackground();
