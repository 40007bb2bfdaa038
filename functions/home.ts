import { answerPage, refusalPage } from "../shared/page/page.ts";
import { httpHandler } from "./context.ts";

/** The page of a workspace, for who follows its address with a browser. */
export const answer = httpHandler(
  ({ services, identify, logError }, request) => answerPage({ ...services, identify, logError }, request),
  refusalPage,
);
