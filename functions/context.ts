import type { HttpHandler, HttpRequest, HttpResponseInit, InvocationContext } from "@azure/functions";
import { type Caller, identify } from "../shared/http/callers.ts";
import type { AppRequest, AppResponse } from "../shared/http/types.ts";
import { type Services, services } from "../shared/services.ts";

/** What the areas' dispatchers need of the runtime around them. */
export interface RequestContext {
  readonly services: Services;
  identify(request: AppRequest): Promise<Caller> | Caller;
  logError(error: unknown): void;
}

/** Makes a Functions handler of an area's dispatcher. */
export function httpHandler(
  answer: (context: RequestContext, request: AppRequest) => Promise<AppResponse>,
): HttpHandler {
  return async (request: HttpRequest, invocation: InvocationContext): Promise<HttpResponseInit> => {
    const current = await services();
    const context: RequestContext = {
      services: current,
      identify: (incoming) => identify(current, incoming),
      logError: (error) => invocation.error(error),
    };
    return (await answer(context, request as unknown as AppRequest)) as HttpResponseInit;
  };
}
