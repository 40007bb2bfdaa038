import { app, type HttpHandler } from "@azure/functions";
import { InvalidSettings } from "../shared/invalid-settings.ts";
import { INVOCATION_HEADER, logFault } from "./faults.ts";

/**
 * Tells all faults of the settings as soon as the app has started, not only when somebody comes. The functions are there all the same, and
 * answer that they cannot work: an app that does not start shows nothing.
 */
export function checkSettings(): void {
  app.hook.appStart(async () => {
    const { settingsFault } = await import("../shared/services.ts");
    const fault = settingsFault();
    if (fault) console.error(fault.message);
  });
}

/** Which settings they are is not everybody's to know. */
const UNUSABLE = "The settings of this app are not valid. Its log lists what is wrong with them.";

/**
 * Makes an HTTP function answer. With HTTP streaming, the Functions host waits for the library's proxy before it looks at the
 * result of a function, and the library sends nothing when the function throws or returns nothing: the client would hang for minutes
 * and the error would be lost. So a thrown error becomes 500, logged here and not told, and no result becomes 204.
 *
 * Every HTTP function goes through this. It is no hook: for each call of one, the library leaves objects behind that only a full collection of garbage
 * removes.
 */
export function guarded(handler: HttpHandler): HttpHandler {
  return async (request, context) => {
    try {
      return (await handler(request, context)) ?? { status: 204 };
    } catch (error) {
      logFault(context, error);
      const body = error instanceof InvalidSettings ? UNUSABLE : undefined;
      return { status: 500, headers: { [INVOCATION_HEADER]: context.invocationId }, body };
    }
  };
}
