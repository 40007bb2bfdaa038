import { app } from "@azure/functions";
import { installGuard } from "../../../functions/guard.ts";

app.setup({ enableHttpStream: true });
installGuard();

export { seen } from "./http-functions.ts";
