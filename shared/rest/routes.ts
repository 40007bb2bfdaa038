import * as z from "zod/mini";
import { type RestRoute, restRoute } from "./route.ts";
import { accessRoutes } from "./routes/access.ts";
import { eventRoutes } from "./routes/events.ts";
import { runTokenRoutes } from "./routes/run-tokens.ts";
import { secretRoutes } from "./routes/secrets.ts";
import { workspaceRoutes } from "./routes/workspaces.ts";

/** Every REST operation; paths are below `/api/v1/`. */
export const restRoutes: readonly RestRoute[] = [
  ...workspaceRoutes,
  ...accessRoutes,
  ...secretRoutes,
  ...runTokenRoutes,
  ...eventRoutes,
  restRoute({
    name: "openapi_get",
    summary: "Show this document.",
    method: "GET",
    path: "openapi.json",
    permission: "none",
    returns: z.looseObject({ openapi: z.literal("3.1.0") }),
    status: 200,
    do: async () => {
      const { openApiDocument } = await import("./openapi.ts");
      return openApiDocument(restRoutes) as { openapi: "3.1.0" };
    },
  }),
];
