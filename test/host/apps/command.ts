import { runCommand } from "../../../host/command.ts";
import { state } from "./command-state.ts";

/** The command behind `npm start`, around a small app. */
await runCommand(process.argv.slice(2), {
  provideServices: (services) => {
    state.services = services;
  },
  ownerKey: async () => false,
  load: () => import("./command-app.ts"),
});
