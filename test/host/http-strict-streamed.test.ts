import { describeHttp } from "./http-suite.ts";

describeHttp({
  title: "strict mode, streamed",
  mode: "strict",
  loadApp: () => import("./apps/http-streamed.ts"),
  noSignOfLeaving: "the library's proxy never tells the function",
  noHalfReadBodies:
    "the library's proxy gives the connection back to the host as it is, and the next request on it is lost",
  noBackpressure: "the library's proxy has none for answers, and the body passes a second connection",
});
