import { describeHttp } from "./http-suite.ts";

describeHttp({
  title: "strict mode, streamed",
  mode: "strict",
  loadApp: () => import("./apps/http-streamed.ts"),
  noSignOfLeaving: "the library's proxy never tells the function",
  noBackpressure: "the library's proxy has none for answers, and the body passes a second connection",
});
