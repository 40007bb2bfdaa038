import { app, type HttpHandler } from "@azure/functions";
import { takeRequestsAsSent } from "../../../functions/stream-mode.ts";

app.setup({ enableHttpStream: true });

app.http("throws", {
  handler: () => {
    throw new Error("thrown on purpose");
  },
});
app.http("nothing", { handler: (() => undefined) as unknown as HttpHandler });
app.http("answers", { handler: () => ({ body: "fine" }) });
app.http("breaks", { handler: () => ({ body: breaking() }) });

takeRequestsAsSent();

async function* breaking(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("begun");
  throw new Error("broken on purpose");
}
