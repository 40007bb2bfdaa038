import { app } from "@azure/functions";
import { order } from "./hooks-state.ts";

app.hook.appStart(() => {
  order.push("appStart");
});
app.hook.appTerminate(() => {
  order.push("appTerminate");
});
app.hook.preInvocation((context) => {
  order.push("pre 1");
  context.hookData.fromPre = "shared";
  const handler = context.functionHandler;
  context.functionHandler = async (request, invocation) => {
    order.push("wrapped");
    return handler(request, invocation);
  };
});
const second = app.hook.preInvocation(() => {
  order.push("pre 2");
});
app.hook.postInvocation((context) => {
  order.push(`post ${context.hookData.fromPre} ${context.error ? "error" : "result"}`);
  if (context.error) context.error = null;
  context.result = { body: `changed ${context.invocationContext.functionName}` };
});
app.hook.log((context) => {
  if (context.category === "user") context.message = `hooked ${context.message}`;
});

export const disposeSecond = () => second.dispose();

app.http("hooked", {
  handler: (_request, context) => {
    order.push("handler");
    context.log("said");
    return { body: "original" };
  },
});
app.http("failing", {
  handler: () => {
    throw new Error("replaced by the hook");
  },
});
