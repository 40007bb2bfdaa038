import { app } from "@azure/functions";
import { state } from "./command-state.ts";

app.http("send", {
  methods: ["POST"],
  handler: async (request) => {
    await state.services?.queue.send("sent-items", await request.text());
    return { status: 202 };
  },
});
app.http("handled", { handler: () => ({ jsonBody: state.handled }) });
app.http("stored", {
  methods: ["GET", "POST"],
  handler: async (request) => {
    const { blobs } = state.services!;
    if (request.method === "POST") await blobs.put("things/one", Buffer.from(await request.text()));
    return { body: (await blobs.signedUrl("things/one", 60)).url };
  },
});
app.http("forever", { handler: () => new Promise(() => {}) });

app.storageQueue("sent", {
  queueName: "sent-items",
  connection: "STORAGE",
  handler: (body) => {
    state.handled.push(body);
  },
});
