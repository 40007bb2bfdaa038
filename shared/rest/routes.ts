import * as z from "zod/mini";
import { type RestRoute, restRoute } from "../http/rest.ts";
import { accessRoutes } from "./access.ts";
import { eventRoutes } from "./events.ts";
import { runTokenRoutes } from "./run-tokens.ts";
import { secretRoutes } from "./secrets.ts";
import { workspaceRoutes } from "./workspaces.ts";

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
      const { openApiDocument } = await import("../http/openapi.ts");
      return openApiDocument(restRoutes) as { openapi: "3.1.0" };
    },
  }),
];
