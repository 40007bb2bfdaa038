import { app } from "@azure/functions";
import { INVOCATION_HEADER, logFault } from "./context.ts";

/**
 * Makes every HTTP function answer. With HTTP streaming, the Functions host waits for the library's proxy before it looks at the
 * result of a function, and the library sends nothing when the function throws or returns nothing: the client would hang for minutes
 * and the error would be lost. So a thrown error becomes 500 without a body, logged here, and no result becomes 204.
 */
export function installGuard(): void {
  app.hook.preInvocation((invocation) => {
    if (invocation.invocationContext.options.trigger.type !== "httpTrigger") return;
    const handler = invocation.functionHandler;
    invocation.functionHandler = async (request, context) => {
      try {
        return (await handler(request, context)) ?? { status: 204 };
      } catch (error) {
        logFault(context, error);
        return { status: 500, headers: { [INVOCATION_HEADER]: context.invocationId } };
      }
    };
  });
}
