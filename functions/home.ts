import { answerPage, refusalPage } from "../shared/page/page.ts";
import { httpHandler } from "./context.ts";

/** The page of a workspace, for who follows its address with a browser. */
export const answer = httpHandler(
  ({ services, identify, logError }, request) =>
    answerPage({ realm: services.realm, events: services.events, identify, logError }, request),
  refusalPage,
);
