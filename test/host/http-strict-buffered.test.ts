import { describeHttp } from "./http-suite.ts";

describeHttp({
  title: "strict mode, buffered",
  mode: "strict",
  loadApp: () => import("./apps/http-buffered.ts"),
  noChunkedUploads: "the Functions host hands a buffered body on only when it has a length",
  noSignOfLeaving: "a buffered answer is read whole before it is sent",
  noBackpressure: "everything is in memory",
});
