import { app, type HttpHandler } from "@azure/functions";

app.setup({ enableHttpStream: true });

app.http("throws", {
  handler: () => {
    throw new Error("thrown on purpose");
  },
});
app.http("nothing", { handler: (() => undefined) as unknown as HttpHandler });
app.http("answers", { handler: () => ({ body: "fine" }) });
