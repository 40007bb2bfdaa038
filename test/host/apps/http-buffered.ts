export { seen } from "./http-functions.ts";
