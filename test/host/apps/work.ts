import { app } from "@azure/functions";
import { work } from "./work-state.ts";

app.storageQueue("work", {
  queueName: "work-items",
  connection: "STORAGE",
  handler: async (body, context) => {
    work.running++;
    work.mostRunning = Math.max(work.mostRunning, work.running);
    work.messages.push({ body, metadata: { ...context.triggerMetadata } });
    try {
      await work.handle(body);
    } finally {
      work.running--;
    }
  },
});

app.timer("everySecond", {
  schedule: "* * * * * *",
  handler: async (timer) => {
    if (work.timersRunning > 0) work.timersOverlapped = true;
    work.timersRunning++;
    work.timers.push(timer);
    await work.tick();
    work.timersRunning--;
  },
});

app.timer("atStart", {
  schedule: "0 0 0 1 1 *",
  runOnStartup: true,
  handler: (timer) => {
    work.timers.push(timer);
  },
});
