import { app } from "@azure/functions";
import { slow } from "./slow-state.ts";

app.http("slow", {
  handler: async () => {
    slow.running++;
    await slow.finish.promise;
    slow.running--;
    return { body: "finished" };
  },
});
app.http("quick", { handler: () => ({ body: "quick" }) });
