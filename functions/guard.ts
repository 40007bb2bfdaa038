import { app, type HttpHandler, type HttpResponseInit, type InvocationContext } from "@azure/functions";
import { InvalidSettings } from "../shared/invalid-settings.ts";
import { brokenOff, INVOCATION_HEADER, logFault } from "./faults.ts";
import { streamedRequest } from "./stream-mode.ts";

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
      const result = (await handler(request, context)) ?? { status: 204 };
      return isStream(result.body) && streamedRequest(context) ? brokenOffWithBody(result, context) : result;
    } catch (error) {
      logFault(context, error);
      const body = error instanceof InvalidSettings ? UNUSABLE : undefined;
      return { status: 500, headers: { [INVOCATION_HEADER]: context.invocationId }, body };
    }
  };
}

function isStream(body: unknown): body is AsyncIterable<unknown> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

/**
 * The same answer, but when its body fails, the connection ends: the library would leave it open, and the client waiting. The platform logs what is
 * thrown. A local host that takes bodies as they are does both by itself.
 */
function brokenOffWithBody(result: HttpResponseInit, context: InvocationContext): HttpResponseInit {
  const body = result.body as AsyncIterable<unknown>;
  async function* watched() {
    try {
      yield* body;
    } catch (error) {
      streamedRequest(context)?.response.destroy();
      throw brokenOff(error);
    }
  }
  return { ...result, body: watched() as HttpResponseInit["body"] };
}
