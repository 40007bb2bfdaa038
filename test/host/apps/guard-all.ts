import { app, type HttpHandler } from "@azure/functions";
import { guarded } from "../../../functions/guard.ts";

/** Guards all HTTP functions of an app, those that are there already too. */
export function guardAll(): void {
  app.hook.preInvocation((invocation) => {
    invocation.functionHandler = guarded(invocation.functionHandler as HttpHandler);
  });
}
