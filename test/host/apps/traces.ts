import { app } from "@azure/functions";
import { outbox } from "./traces-state.ts";

app.http("ask", {
  methods: ["POST"],
  authLevel: "anonymous",
  handler: async (_request, context) => {
    context.log("asked");
    await outbox.queue!.send("first", "{}");
    return { status: 202 };
  },
});

app.storageQueue("first", {
  queueName: "first",
  connection: "STORAGE",
  handler: async (_message, context) => {
    context.log("woken");
    await outbox.queue!.send("second", "{}");
  },
});

app.storageQueue("second", {
  queueName: "second",
  connection: "STORAGE",
  handler: () => Promise.reject(new Error("failed on purpose")),
});

app.timer("tick", {
  schedule: "0 0 0 1 1 *",
  runOnStartup: true,
  handler: async (_timer, context) => {
    context.log("ticked");
    await outbox.queue!.send("first", "{}");
  },
});
