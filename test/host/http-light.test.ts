import { describeHttp } from "./http-suite.ts";

describeHttp({ title: "light mode", mode: "light", loadApp: () => import("./apps/http-buffered.ts") });
