import { app, type InvocationContext, output, type Timer } from "@azure/functions";

const handler = () => ({ body: "" });
const timerHandler = (_timer: Timer, _context: InvocationContext) => {};

/** Registrations that the host refuses at start, by what is wrong with them. */
export const refused: Readonly<Record<string, () => void>> = {
  "a name twice": () => {
    app.http("twice", { handler });
    app.http("twice", { handler });
  },
  "a blob trigger": () =>
    app.storageBlob("blobs", { path: "drop/{name}", connection: "S", source: "EventGrid", handler }),
  "an unknown trigger": () =>
    app.cosmosDB("documents", { databaseName: "d", containerName: "c", connection: "C", handler: () => {} }),
  "an output binding": () =>
    app.http("outputs", { handler, extraOutputs: [output.storageQueue({ queueName: "q", connection: "S" })] }),
  "a retry policy": () =>
    app.timer("retries", {
      schedule: "0 0 * * * *",
      handler: timerHandler,
      retry: { strategy: "fixedDelay", maxRetryCount: 1, delayInterval: 1 },
    }),
  "a route of the host": () => app.http("adminRoute", { route: "admin/things", handler }),
  "a bad route": () => app.http("badRoute", { route: "things/{id", handler }),
  "a bad schedule": () => app.timer("badSchedule", { schedule: "every day", handler: timerHandler }),
  "a bad queue name": () =>
    app.storageQueue("badQueue", { queueName: "%setting%", connection: "S", handler: () => {} }),
};
