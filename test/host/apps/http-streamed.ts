import { app } from "@azure/functions";
import { guardAll } from "./guard-all.ts";

app.setup({ enableHttpStream: true });
guardAll();

export { seen } from "./http-functions.ts";
